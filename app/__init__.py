"""The running program: wires everything together; imported by nobody."""
