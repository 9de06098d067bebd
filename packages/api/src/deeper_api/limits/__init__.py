"""How much each caller may ask for: token buckets, in Redis or in this process."""
