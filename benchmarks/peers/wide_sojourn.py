"""Our own server with fifty more operations in its contract: what does a long contract cost each request?"""

import os
from types import ModuleType
from typing import Any

import uvicorn

from sojourn.app import HANDLER_MODULES, create_app
from sojourn.cli.serve import uvicorn_options
from sojourn.handlers.sessions.service import check_user_active
from sojourn.openapi.loader import load_bundle
from sojourn.settings import Settings

FURTHER = 50


def wide_contract() -> dict[str, Any]:
    """The contract, with copies of one operation under fifty further paths."""
    contract = load_bundle()
    pattern = contract["paths"]["/internal/session/sessions/{user_id}/active"]["get"]
    for number in range(FURTHER):
        operation = {**pattern, "operationId": f"check_user_active_{number}"}
        contract["paths"][f"/internal/session/further_{number}/{{user_id}}/active"] = {"get": operation}
    return contract


def further_handlers() -> ModuleType:
    """A module with a handler for each of them."""
    module = ModuleType("further_handlers")
    for number in range(FURTHER):

        async def handler(ctx: Any, user_id: str) -> Any:
            return await check_user_active(ctx, user_id)

        handler.__module__ = module.__name__
        setattr(module, f"check_user_active_{number}", handler)
    return module


def main() -> None:
    """Serve it as `sojourn serve` would, with the settings of the environment."""
    settings = Settings.from_env(os.environ)
    app = create_app(settings, contract=wide_contract(), handler_modules=(*HANDLER_MODULES, further_handlers()))
    uvicorn.run(app, **uvicorn_options(settings))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
