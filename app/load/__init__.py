"""`callrelay load`: many simulated calls at once, what they heard and cost, and what got worse since."""
