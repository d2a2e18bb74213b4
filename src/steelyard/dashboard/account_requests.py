"""What the account site is sent: one struct per body, bounded, unknown fields refused."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

Name = Annotated[str, Meta(max_length=80)]
Text = Annotated[str, Meta(max_length=200)]
Password = Annotated[str, Meta(max_length=1_000)]  # those that are too long are told so
Code = Annotated[str, Meta(max_length=40)]
Email = Annotated[str, Meta(max_length=300)]
Amount = Annotated[str, Meta(max_length=60)]
Pem = Annotated[str, Meta(max_length=8_000)]
Scopes = Annotated[list[Name], Meta(max_length=10)]
Networks = Annotated[list[Name], Meta(max_length=100)]
Products = Annotated[list[Name], Meta(max_length=100)]
Days = Annotated[int, Meta(ge=1, le=3_650)]


class Nothing(Struct, forbid_unknown_fields=True):
    """A body without a field; none at all will do."""


class SignUp(Struct, forbid_unknown_fields=True):
    """Who wants an account."""

    name: Name
    email: Email
    password: Password


class SignIn(Struct, forbid_unknown_fields=True):
    """Who wants to be let in."""

    name: Name
    password: Password
    code: Code | None = None


class NewPassword(Struct, forbid_unknown_fields=True):
    """A change of password."""

    old: Password
    new: Password
    code: Code | None = None


class OnlyPassword(Struct, forbid_unknown_fields=True):
    """A password once more."""

    password: Password


class OnlyCode(Struct, forbid_unknown_fields=True):
    """A code of the authenticator."""

    code: Code


class PasswordAndCode(Struct, forbid_unknown_fields=True):
    """Both factors once more."""

    password: Password
    code: Code


class NewSubAccount(Struct, forbid_unknown_fields=True):
    """A sub-account's name, without the person's."""

    name: Name


class Move(Struct, rename={"source": "from", "target": "to"}, forbid_unknown_fields=True):
    """From one of a person's accounts to another."""

    source: Name
    target: Name
    asset: Name
    amount: Amount


class NewKey(Struct, forbid_unknown_fields=True):
    """An API key; expires_days None is for ever, no products are all."""

    account: Name
    dialect: Name
    scopes: Scopes
    code: Code = ""
    kind: Name = "hmac"
    ip: Networks = []
    products: Products = []
    expires_days: Days | None = None
    label: Name = ""
    public_key: Pem = ""


class RotateKey(Struct, forbid_unknown_fields=True):
    """A key's successor; the key itself is good for some hours more."""

    overlap_hours: Annotated[int, Meta(ge=0, le=720)] = 24
    public_key: Pem = ""
    code: Code = ""


class ChangeKey(Struct, forbid_unknown_fields=True):
    """What is to be another way; what is not named stays."""

    scopes: Scopes | UnsetType = UNSET
    ip: Networks | UnsetType = UNSET
    products: Products | UnsetType = UNSET
    expires_days: Days | UnsetType | None = UNSET
    label: Name | UnsetType = UNSET
    code: Code = ""


class NewAddress(Struct, forbid_unknown_fields=True):
    """An address to withdraw to."""

    asset: Name
    network: Name
    address: Text
    label: Name = ""
    code: Code = ""


class NewDeposit(Struct, forbid_unknown_fields=True):
    """A deposit that is announced; without an account, to the first one."""

    asset: Name
    amount: Amount
    account: Name | None = None


class NewWithdrawal(Struct, forbid_unknown_fields=True):
    """A withdrawal that is asked for."""

    account: Name
    asset: Name
    amount: Amount
    address_id: int
    code: Code = ""


class Confirmation(Struct, forbid_unknown_fields=True):
    """The code of a mail."""

    token: Name
