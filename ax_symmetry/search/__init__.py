"""The model as the search for candidates sees it."""
