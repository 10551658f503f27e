"""HTTP besides GraphQL: further addresses, and the layers that every request passes."""
