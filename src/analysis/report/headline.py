"""How a report hands its headline figures to the index: as an output of this type in the executed
notebook.
"""

HEADLINES = "application/vnd.workbook.headlines+json"
#: And that it has nothing to say: why, in a sentence.
NOT_EXAMINED = "application/vnd.workbook.not-examined+json"
