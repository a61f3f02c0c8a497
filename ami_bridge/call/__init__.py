"""ONE call as a table-driven state machine: fact in, commands out; no clock, no I/O."""
