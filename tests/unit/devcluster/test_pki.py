import ssl
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import NameOID

from devcluster.kubeconfig import write_kubeconfig
from devcluster.pki import Subject, create_pki

SUBJECTS = (
    Subject("apiserver", "kube-apiserver", hosts=("localhost", "127.0.0.1")),
    Subject("kubelet", "system:node:dev-node", ("system:nodes",)),
)


@pytest.fixture
def pki(tmp_path: Path) -> Path:
    create_pki(tmp_path / "pki", SUBJECTS)
    return tmp_path / "pki"


def test_everybody_gets_a_pair_the_ca_has_signed_and_only_the_owner_reads_keys(pki: Path) -> None:
    authority = x509.load_pem_x509_certificate((pki / "ca.crt").read_bytes())
    for subject in SUBJECTS:
        certificate = x509.load_pem_x509_certificate((pki / f"{subject.file}.crt").read_bytes())
        certificate.verify_directly_issued_by(authority)
        ssl.create_default_context().load_cert_chain(pki / f"{subject.file}.crt", pki / f"{subject.file}.key")
    assert {path.stat().st_mode & 0o777 for path in pki.glob("*.key")} == {0o600}
    assert (pki / "service-account.pub").read_text().startswith("-----BEGIN PUBLIC KEY-----")


def test_kubernetes_finds_user_and_groups_where_it_looks(pki: Path) -> None:
    subject = x509.load_pem_x509_certificate((pki / "kubelet.crt").read_bytes()).subject
    assert [each.value for each in subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["system:node:dev-node"]
    assert [each.value for each in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)] == ["system:nodes"]


def test_servers_answer_to_names_and_addresses(pki: Path) -> None:
    certificate = x509.load_pem_x509_certificate((pki / "apiserver.crt").read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]


def test_a_kubeconfig_needs_no_other_file(pki: Path, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    write_kubeconfig(path, cluster="dev", server="https://127.0.0.1:1", pki=pki, user="kubelet")
    config = yaml.safe_load(path.read_text())
    assert config["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:1"
    assert str(pki) not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
