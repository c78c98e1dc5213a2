"""What a run says of itself: tables, pages, pictures."""
