"""Corpora of the classic form, written as text."""

TEI_NS = "http://www.tei-c.org/ns/1.0"


def document(name: str, body: str = "<p>one two</p>", terms: str = "") -> str:
    """A <TEI> of the classic form."""
    return (
        f'<TEI xml:id="{name}"><teiHeader><profileDesc><langUsage><language ident="fr"/>'
        f"</langUsage><textClass><keywords>{terms}</keywords></textClass></profileDesc></teiHeader>"
        f"<text><body><div>{body}</div></body></text></TEI>\n"
    )


def corpus(*documents: str, namespace: str = TEI_NS) -> str:
    """A <teiCorpus> of documents."""
    declared = f' xmlns="{namespace}"' if namespace else ""
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return f"{head}<teiCorpus{declared}>\n{''.join(documents)}</teiCorpus>\n"
