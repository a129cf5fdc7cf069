"""Static files are served whole and cacheable, without a warning under ASGI."""

from asgiref.sync import async_to_sync
from django.test import AsyncClient


def get(path, **headers):
    return async_to_sync(AsyncClient().get)(path, headers=headers)


def test_a_style_sheet_is_served_whole_under_asgi():
    answer = get("/static/css/tokens.css")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/css")
    assert b"--ink" in answer.content
    assert "Access-Control-Allow-Origin" not in answer


def test_a_file_that_did_not_change_is_not_sent_again():
    first = get("/static/css/tokens.css")
    again = get("/static/css/tokens.css", **{"If-Modified-Since": first["Last-Modified"]})
    assert again.status_code == 304
    assert again.content == b""
