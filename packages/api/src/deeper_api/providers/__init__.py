"""What a handler may ask for, by the name of its parameter. Asking is requiring."""
