"""Whether what the workbook hands to staff was acted on, and what came of it."""
