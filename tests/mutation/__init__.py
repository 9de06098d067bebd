"""Mutants of what decides: a change of the sources that no test notices is a survivor, and each is argued."""
