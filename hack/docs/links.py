"""A hook of MkDocs: the site holds what is in docs, so links that lead out of it lead to the repository instead.

Without `repo_url` in mkdocs.yml nobody can say where that is, and the site shows their text alone. A code host shows
the pages as they are written, and follows them.
"""

import re
from pathlib import PurePosixPath
from posixpath import normpath
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

_OUTWARD: Final = re.compile(r"\[([^\]\n]+)\]\((\.\./[^)\s]+)\)")


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - its name
    """The page's text as the site shows it."""
    return inward(markdown, page.file.src_uri, config.repo_url)


def inward(markdown: str, page: str, repository: str | None) -> str:
    """The text with no link that leads out of the documentation.

    Args:
        markdown: the page's text.
        page: its path below docs.
        repository: the URL of the files on a code host, or nothing.
    """
    folder = PurePosixPath("docs", page).parent

    def lead(link: re.Match[str]) -> str:
        text, target = link.groups()
        path = normpath(folder / target)
        if path.startswith("docs/"):
            return link[0]
        return f"[{text}]({repository.rstrip('/')}/blob/main/{path})" if repository else text

    return _OUTWARD.sub(lead, markdown)
