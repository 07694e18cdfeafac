"""What every adapter of a port must pass: subclass the contract, and name how to build yours."""
