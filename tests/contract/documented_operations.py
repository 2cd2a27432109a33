"""The fixed list of operations, one per line, and by name everything that the contract adds to it.

The columns: method and path; who may call (`key` is a service with an API key, `user` and `admin` send a bearer
token, `admin` has one of the roles, `refresh` holds a refresh token); the parameters beside those of the path, in a
header if they begin with `X-`, in the query otherwise; the body; the success; the refusals. A star is `required`.
"""

TABLE = """
GET /internal/session/sessions/{user_id} | key | X-Tenant-ID* | | 200 SessionListResponse | 400 401 500
GET /internal/session/sessions/{user_id}/active | key | X-Tenant-ID* | | 200 ActiveSessionStatus | 400 401 500
GET /internal/session/trusted-devices | key | X-Tenant-ID* user_id* page=1 page_size=20 | \
| 200 TrustedDeviceListResponse | 400 401
GET /admin/sessions/stats | admin | | | 200 SessionStatsResponse | 400 401 403 404 500
GET /api/sessions/all | admin | | | 200 AllSessionsResponse | 401 500

POST /internal/session/create | key | X-Tenant-ID* | CreateSessionRequest* | 201 CreateSessionDataResponse | 400 401 500
DELETE /internal/session/session/user/{user_id} | key | X-Tenant-ID* | | 200 SimpleResponse | 400 401 500
POST /internal/session/export-user-data | key | X-Tenant-ID* | ExportUserDataRequest* \
| 200 UserSessionsExportResponse | 400 401 500
POST /internal/session/generate-tokens | key | X-Tenant-ID* | GenerateTokensRequest* \
| 200 TokenPairResponse | 400 401 500
POST /internal/session/validate-token | key | X-Tenant-ID* | ValidateAccessTokenRequest* \
| 200 TokenValidationResponse | 400 401 500
POST /internal/session/blacklist-token | key | X-Tenant-ID* | BlacklistTokenRequest* | 200 SimpleResponse | 400 401 500
GET /internal/session/{session_id}/usage | key | X-Tenant-ID* | | 200 SessionUsageResponse | 400 401 500
POST /internal/session/{session_id}/usage | key | X-Tenant-ID* | | 200 SimpleResponse | 400 401 500
POST /internal/session/trusted-devices | key | X-Tenant-ID* | CreateTrustedDeviceRequest* \
| 200 TrustedDeviceResponse | 400 401
DELETE /internal/session/trusted-devices/{device_fingerprint} | key | X-Tenant-ID* | | 200 SimpleResponse | 400 401

GET /admin/sessions | admin | user_id status page page_size | | 200 SessionListResponse | 400 401 403 404 500
GET /admin/sessions/active-count | admin | | | 200 ActiveCountResponse | 400 401 403 404 500
DELETE /admin/sessions/bulk | admin | | BulkRevokeRequest* | 200 BatchRevokeResponse | 400 401 403 404 500
DELETE /admin/sessions/user/{user_id} | admin | | RevokeSessionRequest | 200 SimpleResponse | 400 401 403 404 500
DELETE /admin/sessions/expired | admin | | | 200 SimpleResponse | 400 401 403 404 500
GET /admin/sessions/device-fingerprint | admin | session_id | | 200 DeviceFingerprintResponse | 400 401 403 404 500
GET /admin/sessions/risk-score | admin | session_id | | 200 RiskScoreResponse | 400 401 403 404 500
GET /admin/devices/{device_id}/risk | admin | | | 200 DeviceRiskResponse | 400 401 403 404 500
GET /admin/tokens | admin | user_id type status page page_size | | 200 TokenListResponse | 400 401 403 404 500
GET /admin/tokens/{token_id} | admin | | | 200 TokenDetailResponse | 400 401 403 404 500
GET /admin/tokens/blacklist | admin | user_id page page_size | \
| 200 BlacklistedTokenListResponse | 400 401 403 404 500
DELETE /admin/tokens/blacklist/{entry_id} | admin | | | 200 SimpleResponse | 400 401 403 404 500
GET /admin/tokens/config | admin | | | 200 TenantJWTConfigResponse | 400 401 403 404 500
PUT /admin/tokens/config | admin | | UpdateTenantJWTConfigRequest* \
| 200 TenantJWTConfigResponse | 400 401 403 404 500
DELETE /admin/tokens/config | admin | | | 200 SimpleResponse | 400 401 403 404 500
POST /admin/tokens/exchange | admin | | ExchangeTokenRequest* | 200 TokenExchangeResponse | 400 401 403 404 500
POST /admin/tokens/introspect | admin | | IntrospectTokenRequest* \
| 200 TokenIntrospectionResponse | 400 401 403 404 500
POST /admin/tokens/revoke-all | admin | | RevokeAllTokensRequest* | 200 SimpleResponse | 400 401 403 404 500
GET /admin/trusted-devices | admin | user_id* page page_size | | 200 TrustedDeviceListResponse | 400 401
DELETE /admin/trusted-devices/{device_id} | admin | | | 200 SimpleResponse | 400 401

GET /sessions | user | auth_user_id* page page_size | | 200 SessionListResponse | 400 401 403 404 500
POST /sessions | user | | CreateSessionRequest* | 201 CreateSessionData | 400 401 403 404 500
POST /sessions/refresh | refresh | | RefreshTokensRequest* | 200 TokenPairResponse | 400 401 403 404 500
POST /sessions/rotate-access | refresh | | RefreshTokensRequest* | 200 AccessTokenResponse | 400 401 403 404 500
GET /sessions/user/{user_id}/sessions | user | page page_size | | 200 SessionListResponse | 400 401 403 404 500
GET /sessions/{session_id} | user | | | 200 GetSessionData | 400 401 403 404 500
DELETE /sessions/{session_id} | user | | RevokeSessionRequest | 204 | 400 401 403 404 500
POST /sessions/{session_id}/activity | user | | | 200 SimpleResponse | 400 401 403 404 500
POST /sessions/{session_id}/upgrade-mfa | user | | | 200 UpgradeSessionMFAResponse | 400 401 403 404 500
POST /sessions/{session_id}/validate | user | | | 200 TokenValidationResponse | 400 401 403 404 500
POST /tokens/blacklist | user | | AddToBlacklistRequest* | 200 SimpleResponse | 400 401 403 404 500
GET /tokens/blacklist/check | user | token* | | 200 BlacklistCheckResponse | 400 401 403 500
GET /trusted-devices | user | | | 200 TrustedDeviceListResponse | 400 401
POST /trusted-devices | user | | OwnTrustedDeviceRequest* | 200 SimpleResponse | 400 401
DELETE /trusted-devices/{device_id} | user | | | 200 SimpleResponse | 400 401
"""

OUR_OPERATIONS = {
    "list_events": "whoever keeps a copy of what holds must hear of every end",
    "stream_events": "who acts on an end at once keeps a connection open instead of asking again and again",
    "get_revocations": "a verifier that starts must know what is refused already",
    "check_many_active": "a list of users is one question and not five hundred",
    "list_own_devices": "users recognise devices, not sessions",
    "list_devices_of_user": "administrators are asked about devices, not sessions",
    "get_session_series": "administrators see how many sessions there were, and not only how many there are",
    "get_session_as_service": "a backend that has a session's id needs to know what it is worth",
    "revoke_session_as_service": "an identity provider's logout hook ends one session",
    "touch_session_as_service": "a backend that serves the user keeps the session alive",
    "update_session_as_service": "a backend keeps a few words of its own with a session",
    "update_session": "users recognise their sessions by names that they gave",
    "revoke_other_sessions": "users sign out everywhere else",
    "revoke_sessions_in_bulk": "proxies drop the body of a DELETE",
    "check_blacklisted_token": "addresses are logged, and so would the token be",
    "erase_user_data": "a person may ask to be forgotten, and one who has the rows can do it whole",
    "generate_first_tokens": "an imported session has no tokens, and its client should not have to sign in again",
    "elevate_session": "whoever checked a further factor has no bearer token of the user",
    "list_audit_records": "auditors read what administrators did where they see everything else",
    "list_session_events": "whoever looks at one session at night asks what happened to it, not to the tenant",
    "suspend_session": "what looks stolen is refused while somebody asks the user, and lost to nobody",
    "reactivate_session": "a suspension that was not needed ends before its time",
    "get_session_policy": "whoever sets limits needs to see those that hold",
    "set_session_policy": "each customer has rules of its own for how many sessions a user may have",
    "simulate_session_policy": "administrators want to see what a rule would do before they set it",
    "reset_session_policy": "a rule that did harm is taken away at once",
    "create_revocation_plan": "an administrator wants to know whom it concerns before anything ends",
    "get_revocation_plan": "two people look at a plan before one of them applies it",
    "apply_revocation_plan": "exactly those end that were counted, however many they are",
    "get_revocation": "the rows of a million sessions take a while",
    "list_webhooks": "whoever is told of events needs to see where to",
    "create_webhook": "a service that cannot wait for events is sent them",
    "get_webhook": "whoever misses events asks whether the endpoint is disabled",
    "update_webhook": "a receiver moves, or is repaired",
    "remove_webhook": "a receiver goes",
    "rotate_webhook_secret": "secrets are replaced without losing an event",
    "test_webhook": "whoever sets up a receiver wants to know at once whether it works",
    "list_webhook_deliveries": "whoever misses an event asks what became of it",
    "replay_webhook_deliveries": "a receiver that lost events can have them again",
    "list_logout_clients": "whoever registers applications for logout needs to see them",
    "create_logout_client": "an application is told of ends as OpenID Connect has it, without code of ours",
    "get_logout_client": "whoever misses a logout asks whether the application is disabled",
    "update_logout_client": "an application moves, or is repaired",
    "remove_logout_client": "an application goes",
    "list_api_keys": "whoever manages the keys from elsewhere needs to see them",
    "create_api_key": "a platform makes the keys of its services without a shell on our machine",
    "rotate_api_key": "secrets are replaced by programs, on a schedule",
    "revoke_api_key": "a key that leaked is ended at once, from wherever that is noticed",
    "list_tenants": "whoever makes tenants needs to see them",
    "create_tenant": "a platform makes a tenant when it gets a customer",
    "get_oauth_metadata": "clients find the forms as OAuth has it, without settings of their own (RFC 8414)",
    "generate_oauth_tokens": "clients refresh and exchange as OAuth has it, without code of ours (RFC 6749, RFC 8693)",
    "introspect_oauth_token": "gateways and resource servers ask as OAuth has it, without code of ours (RFC 7662)",
    "revoke_oauth_token": "clients revoke as OAuth has it, without code of ours (RFC 7009)",
    "receive_security_events": "what happens to an account at a provider ends its sessions here without a line of code",
    "revoke_provider_sessions": "what ends at an identity provider ends here without a line of code (OpenID Connect)",
    "get_key_set": "whoever verifies our tokens needs the keys (RFC 7517)",
    "list_status_lists": "verifiers fetch status lists before they need them (draft-ietf-oauth-status-list)",
    "get_status_list": "verifiers that ask nobody else learn here which sessions ended (draft-ietf-oauth-status-list)",
    "get_liveness": "whoever runs the process asks whether it lives",
    "get_readiness": "whoever balances load asks whether it can serve",
    "get_contract_json": "the contract is served by what it describes",
    "get_contract_yaml": "the contract is served by what it describes",
    "list_problem_types": "the types of problems are addresses that answer",
    "get_front_page": "whoever opens the address of the server is told what it is",
    "get_favicon": "browsers ask for it",
    "get_reference": "people read the contract where it is served",
    "get_reference_script": "a page without inline script has a file of it",
    "get_problem_catalogue": "people read the problems where they are answered",
    "get_console": "people see the sessions where they are served, without a program of their own",
    "get_account": "users see their own devices where the sessions are",
    "get_console_script": "a page without inline script has files of it",
    "get_console_style": "a page without inline style has files of it",
    "get_problem_type": "the types of problems are addresses that answer",
}

OUR_PARAMETERS = {
    "list_tokens": ({"session_id"}, "whoever looks at one session asks for its tokens"),
    "revoke_user_sessions": ({"except_session_id"}, "after a changed password, the session that changed it goes on"),
    "list_user_sessions": (
        {"page", "page_size", "status", "sort", "cursor", "limit"},
        "a user may have more sessions than an answer should carry",
    ),
    "list_own_sessions": ({"status", "sort", "cursor", "limit"}, "users ask where they were signed in, too"),
    "list_sessions_of_user": ({"status", "sort", "cursor", "limit"}, "users ask where they were signed in, too"),
    "list_tenant_sessions": (
        {
            "app_id",
            "device_id",
            "device_type",
            "device_fingerprint",
            "ip",
            "country",
            "asn",
            "user_agent_contains",
            "amr",
            "auth_time_before",
            "created_after",
            "created_before",
            "active_after",
            "active_before",
            "sort",
            "cursor",
            "limit",
            "count",
            "fields",
        },
        "administrators look for the sessions that matter among millions",
    ),
    "list_all_sessions": ({"limit", "cursor"}, "a tenant has more sessions than an answer can carry"),
    "untrust_device": ({"user_id"}, "a device may be trusted by several users"),
    "list_own_trusted_devices": ({"page", "page_size"}, "the answer has a page's members"),
    "create_session": ({"Idempotency-Key"}, "a create whose answer was lost is asked for again, and done once"),
    "revoke_sessions": ({"Idempotency-Key"}, "a retry is told what the first request ended"),
    "revoke_sessions_in_bulk": ({"Idempotency-Key"}, "a retry is told what the first request ended"),
    "start_session": ({"Idempotency-Key"}, "a create whose answer was lost is asked for again, and done once"),
    "get_token_config": ({"If-None-Match"}, "who has the lifetimes already need not be sent them again"),
}

OUR_REFUSALS = {
    "403": "an API key may be limited to tenants, users to what is theirs, and administrators are so by their roles",
    "406": "an Accept that excludes what is answered",
    "408": "a body that does not arrive in time",
    "409": "a sign-in of a user who was ended meanwhile",
    "413": "a body that is too large",
    "414": "an address that is too long",
    "415": "a body that is not JSON",
    "412": "a change of what somebody else changed meanwhile",
    "422": "the key of a retry that came with another request",
    "429": "more refreshes or more wrong API keys than are allowed",
    "431": "headers that are too large",
    "500": "a fault of ours",
    "503": "a database that does not answer",
}
"""What can happen to any request, beyond what is documented for some."""

OUR_404 = {
    "revoke_user_sessions": "an exception that is no session of the user would end all of them by mistake",
    "create_session": "tenants may be provisioned by hand",
    "trust_device": "tenants may be provisioned by hand",
    "blacklist_token": "tenants may be provisioned by hand",
    "generate_tokens": "there are no tokens without a session",
    "get_session_usage": "a session that is not there has no usage",
    "record_session_usage": "usage of a session that is not there would be invented",
    "trust_own_device": "tenants may be provisioned by hand",
}
