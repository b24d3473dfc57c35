"""Made-up books, as many as one likes, for a store that is to be tried with a full shelf."""
