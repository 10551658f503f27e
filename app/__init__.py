"""The running program: wires everything together; no other package imports it."""
