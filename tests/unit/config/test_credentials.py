"""Credentials files: only for their owner, only known keys, and no value ever shown."""

import json
import os
import pickle
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.credentials import Credentials, Secret, broker_of, load_credentials, save_access_token
from config.errors import ConfigError, all_messages

CANARY = "CANARY-7f3a"
ZERODHA = f"api_key = {CANARY}k\napi_secret = {CANARY}s\nuser_id = {CANARY}u\n"
ANGEL = f"api_key={CANARY}k\nusername={CANARY}n\npassword={CANARY}p\ntotp_token={CANARY}t\n"


def written(directory: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path = directory / "credentials_zc0001.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


def refused(path: Path, broker: str | None = None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_credentials(path, broker)
    shown = "".join(all_messages(caught.value)) + repr(caught.value) + repr(caught.value.args)
    assert "CANARY" not in shown
    assert caught.value.__context__ is None or "CANARY" not in repr(caught.value.__context__)
    return caught.value


def test_zerodha_file_is_read_and_its_broker_found(tmp_path: Path) -> None:
    credentials = load_credentials(written(tmp_path, ZERODHA + f"access_token = {CANARY}a\n"))
    assert credentials.broker == "zerodha"
    assert {key: secret.reveal() for key, secret in credentials.items()} == {
        "api_key": CANARY + "k",
        "api_secret": CANARY + "s",
        "user_id": CANARY + "u",
        "access_token": CANARY + "a",
    }


def test_angel_one_file_is_read_and_its_broker_found(tmp_path: Path) -> None:
    credentials = load_credentials(written(tmp_path, ANGEL))
    assert credentials.broker == "angel_one"
    assert credentials["totp_token"].reveal() == CANARY + "t"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("password = p", "p"),
        ("  password=  p  ", "p"),
        ('password = " p "', " p "),
        ("password = 'p'", "p"),
        ("PASSWORD = p", "p"),
        ("password = a=b#c", "a=b#c"),
        ("password = \"half", '"half'),
    ],
)  # fmt: skip
def test_quotes_and_spaces_around_values_are_tolerated(tmp_path: Path, line: str, value: str) -> None:
    text = f"# mine\n\n{line}\napi_key = k\nusername = n\n   # indented\ntotp_token = t"
    assert load_credentials(written(tmp_path, text))["password"].reveal() == value


def test_windows_lines_and_byte_order_mark_are_tolerated(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbf" + ZERODHA.replace("\n", "\r\n").encode()
    assert load_credentials(written(tmp_path, data))["api_key"].reveal() == CANARY + "k"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o622, 0o610, 0o601, 0o777])
def test_file_that_others_can_use_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path, ZERODHA, mode)
    assert f"run: chmod 600 {path}" in refused(path).text


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_file_of_its_owner_alone_is_read(tmp_path: Path, mode: int) -> None:
    assert load_credentials(written(tmp_path, ZERODHA, mode)).broker == "zerodha"


def test_remedy_quotes_the_name_for_a_shell(tmp_path: Path) -> None:
    path = tmp_path / "my keys.txt"
    path.write_text(ZERODHA)
    path.chmod(0o644)
    assert f"chmod 600 '{path}'" in refused(path).text


@pytest.mark.parametrize(
    ("text", "line", "key", "words"),
    [
        (ZERODHA + f"api_key = {CANARY}", 4, "api_key", "first on line 1"),
        (ZERODHA + f"acces_token = {CANARY}", 4, "", "did you mean access_token?"),
        (ZERODHA + f"{CANARY} = api_key", 4, "", "no key = value line"),
        (ZERODHA + f"CANARYzzz = {CANARY}", 4, "", "known are access_token, api_key"),
        (ZERODHA + CANARY, 4, "", "no key = value line"),
        (ZERODHA + f"access_token: {CANARY}", 4, "", "no key = value line"),
        (ZERODHA + "access_token =", 4, "access_token", "no value"),
        (ZERODHA + "access_token = ''", 4, "access_token", "no value"),
        (ZERODHA + f"access_token = {CANARY}\x07", 4, "access_token", "no value that can be used"),
        (ZERODHA + f"password = {CANARY}", 4, "password", "is no key of zerodha"),
        (f"api_key = {CANARY}\napi_secret = {CANARY}\n", None, "user_id", "is missing"),
        (f"api_key = {CANARY}\n", None, "", "keys of no broker"),
        ("", None, "", "keys of no broker"),
    ],
)
def test_file_is_refused_without_showing_a_value(
    tmp_path: Path, text: str, line: int | None, key: str, words: str
) -> None:
    error = refused(written(tmp_path, text))
    found = {(fault.line, fault.key): fault.text for fault in (error, *error.others)}
    assert words in found[line, key]


def test_keys_of_another_broker_are_named(tmp_path: Path) -> None:
    error = refused(written(tmp_path, ANGEL), "zerodha")
    assert "the keys are those of angel_one" in error.text
    assert {fault.key for fault in (error, *error.others) if "is missing" in fault.text} == {"api_secret", "user_id"}


def test_broker_without_credentials_is_refused(tmp_path: Path) -> None:
    assert "has no credentials" in refused(written(tmp_path, ZERODHA), "paper").text


def test_other_encoding_is_refused_without_its_bytes(tmp_path: Path) -> None:
    error = refused(written(tmp_path, ZERODHA.encode() + b"access_token = CANARY\xff"))
    assert (error.line, error.__cause__) == (4, None)
    assert error.__context__ is None


def test_missing_file_directory_and_pipe_are_refused(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "none").text
    assert "no plain file" in refused(tmp_path).text or "cannot be read" in refused(tmp_path).text
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "no plain file" in refused(tmp_path / "pipe").text


def test_huge_file_is_refused(tmp_path: Path) -> None:
    assert "longer than" in refused(written(tmp_path, "#" * 70_000)).text


@pytest.mark.parametrize(
    ("keys", "broker"),
    [
        (["api_key", "api_secret", "user_id"], "zerodha"),
        (["api_key", "access_token"], "zerodha"),
        (["api_key", "username", "password", "totp_token"], "angel_one"),
        (["totp_token"], "angel_one"),
        (["api_key"], None),
        ([], None),
        (["user_id", "username"], None),
        (["client_id"], None),
    ],
)
def test_broker_is_found_from_keys(keys: list[str], broker: str | None) -> None:
    assert broker_of(keys) == broker


# Secrets never show


def test_secret_hides_in_every_way_of_showing(tmp_path: Path) -> None:
    secret = Secret(CANARY)
    credentials = load_credentials(written(tmp_path, ZERODHA))
    shown = [
        *(text for value in (secret, credentials) for text in (repr(value), str(value), f"{value}", f"{value!r:>40}")),
        f"{secret:>60}",
        "%s %r" % (secret, secret),  # noqa: UP031 - the old way is what is tested
        "{} {!r}".format(secret, secret),  # noqa: UP032 - the same
        repr([secret]),
        repr({"k": secret}),
        repr(dict(credentials)),
        json.dumps({"k": secret}, default=str),
    ]
    assert not [text for text in shown if "CANARY" in text]
    assert repr(secret) == "***"


def test_secret_cannot_be_pickled() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Secret(CANARY))


def test_secrets_compare_by_value_and_not_with_texts() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert {Secret("a"), Secret("a")} == {Secret("a")}
    assert not Secret("")


@given(st.binary(max_size=120) | st.text(max_size=60).map(lambda text: f"api_key = {text}\n{text} = x".encode()))
def test_any_bytes_give_credentials_or_a_config_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = written(tmp_path_factory.getbasetemp(), data)
    try:
        assert isinstance(load_credentials(path), Credentials)
    except ConfigError as error:
        assert all_messages(error)


# The access token


def test_token_is_appended_and_everything_else_stays(tmp_path: Path) -> None:
    text = "# my keys\n" + ZERODHA + "\n# end\n"
    path = written(tmp_path, text)
    save_access_token(path, "tok123")
    assert path.read_text() == text + "access_token = tok123\n"
    assert load_credentials(path)["access_token"].reveal() == "tok123"


def test_token_is_replaced_in_its_place(tmp_path: Path) -> None:
    path = written(tmp_path, "access_token = old # x\n" + ZERODHA + "# end")
    save_access_token(path, Secret("new"))
    assert path.read_text() == "access_token = new\n" + ZERODHA + "# end"


def test_token_goes_below_a_last_line_without_end(tmp_path: Path) -> None:
    path = written(tmp_path, ZERODHA.rstrip("\n"))
    save_access_token(path, "tok")
    assert path.read_text() == ZERODHA + "access_token = tok\n"


def test_saved_file_is_private_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = written(tmp_path, ZERODHA)
    save_access_token(path, "tok")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_link_stays_a_link(tmp_path: Path) -> None:
    target = written(tmp_path, ZERODHA)
    link = tmp_path / "link"
    link.symlink_to(target)
    save_access_token(link, "tok")
    assert link.is_symlink()
    assert load_credentials(target)["access_token"].reveal() == "tok"


@pytest.mark.parametrize("token", ["", "a b", "a\nuser_id = x", "CANARY\x00", "'quoted'", "é", "x" * 5000])
def test_impossible_token_is_refused_and_the_file_unchanged(tmp_path: Path, token: str) -> None:
    path = written(tmp_path, ZERODHA)
    with pytest.raises(ConfigError) as caught:
        save_access_token(path, token)
    assert "CANARY" not in str(caught.value)
    assert path.read_text() == ZERODHA


def test_token_is_not_put_into_a_file_that_others_can_read(tmp_path: Path) -> None:
    path = written(tmp_path, ZERODHA, 0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        save_access_token(path, "tok")
    assert path.read_text() == ZERODHA


def test_file_is_unchanged_when_it_cannot_be_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, ZERODHA)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match="No space left") as caught:
        save_access_token(path, "tokCANARY")
    assert "CANARY" not in str(caught.value)
    assert path.read_text() == ZERODHA
    assert list(tmp_path.iterdir()) == [path]
