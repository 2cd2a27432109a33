"""The body of a creation as a Pydantic model; both FastAPI peers use it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, IPvAnyAddress, StringConstraints

Id = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^\S([^\x00-\x1f\x7f]*\S)?$")]
Text128 = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
Text1024 = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=r"^[^\x00-\x1f\x7f]+$")]
Method = Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$")]


class CreateSessionRequest(BaseModel):
    """A sign-in and its circumstances."""

    model_config = ConfigDict(extra="forbid")

    auth_user_id: Id
    username: Id | None = None
    amr: Annotated[list[Method], Field(min_length=1, max_length=16)] | None = None
    role: Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z][A-Za-z0-9_.:-]*$")] | None = None
    app_id: Id | None = None
    device_id: Id | None = None
    device_fingerprint: Id | None = None
    device_type: Annotated[str, StringConstraints(max_length=32, pattern=r"^[a-z][a-z0-9_-]*$")] | None = None
    browser: Text128 | None = None
    os: Text128 | None = None
    ip: IPvAnyAddress | None = None
    user_agent: Text1024 | None = None
