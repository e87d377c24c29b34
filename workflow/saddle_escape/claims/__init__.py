"""The paper's claims: data in ``paper_check/claims.yaml``, numbers from checks, words from reports.

statements  the claims as data: load, validate, what each one needs
measure     runs a check and each of its controls on loaded tables; all that a measuring job imports
verdict     compares measured numbers with predicted ones; editing it measures nothing again
words       numbers as text, and templates filled with measured numbers
report      Markdown and CSV; page: HTML; pictures: its plots; errata: the page of misprints
checks      what is measured, one module per group of claims
"""

CHECK = "check"  # the run without a control; the others are called by their control's name


class ClaimsError(ValueError):
    """Invalid claims or measurements, told in one line."""
