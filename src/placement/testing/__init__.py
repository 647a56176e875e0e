"""Laws that every policy and model must keep, for our tests and for users' own."""
