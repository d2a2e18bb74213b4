import pytest

from steelyard.domain.errors import ConfigError
from steelyard.store.datadir import write_atomically
from steelyard.vault.catalog import Catalog, Named
from steelyard.vault.kept import Terms


@pytest.fixture
def catalog(tmp_path) -> Catalog:
    return Catalog(tmp_path / "places.json", write_atomically)


def test_what_is_kept_elsewhere_is_written_down_once_and_in_order(catalog, tmp_path):
    b, a = Named("keyring:b", Terms("x")), Named("aws-sm:a", Terms())
    newer = Named("keyring:b", Terms("y"), "new key not tested")
    for named in (b, a, newer):
        catalog.add(named)
    assert Catalog(tmp_path / "places.json", write_atomically).elsewhere() == [a, newer]
    catalog.remove("aws-sm:a")
    catalog.remove("aws-sm:none")
    assert catalog.elsewhere() == [newer]


def test_the_sealed_file_speaks_for_itself(catalog):
    catalog.add(Named("vault:a", Terms()))
    assert catalog.elsewhere() == []


def test_a_damaged_list_is_said(catalog, tmp_path):
    (tmp_path / "places.json").write_text('{"secrets": 5}')
    with pytest.raises(ConfigError, match="it holds names only, so delete it"):
        catalog.elsewhere()
