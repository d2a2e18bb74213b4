from steelyard.dashboard.files import Files


def test_files_are_known_by_name_and_nothing_else_is(tmp_path):
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<p>page")
    (tmp_path / "assets" / "app-1a.js").write_text("1")
    (tmp_path.parent / "secret").write_text("no")
    files = Files(tmp_path)
    assert files.find("/").body == b"<p>page"
    assert "immutable" in files.find("/assets/app-1a.js").headers["cache-control"]
    assert files.find("/index.html").headers["cache-control"] == "no-cache"
    for path in ("/../secret", "/assets/../../secret", "/assets", "//", "/%2e%2e/secret"):
        assert files.find(path) is None


def test_a_page_that_was_not_built_says_how_to_build_it(tmp_path):
    missing = Files(tmp_path / "none").find("/")
    assert missing.status == 503
    assert missing.headers["cache-control"] == "no-store"
    assert b"Run <code>make page</code>, then start the exchange again" in missing.body
