"""Who is who: which records are the same customer."""
