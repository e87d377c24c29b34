"""The paper's claims: stated as data, measured by checks, judged, reported."""
