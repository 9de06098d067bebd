"""Examinations of a deployment: each looks at one part of it, and says in words what is wrong and what to do."""
