"""Conversations apart from the making of answers: their titles, their copies on paper, and the search in them."""
