"""The fields of the five seed operations, and of the schemas that were added with them.

A line is a schema, a field (with a star where it is documented as required), its type and, after a bar, the
documented example. `array of X` and a bare schema name are references; `any` is a value of any type.
"""

SEEDS = """
FieldViolation code string
FieldViolation description string
FieldViolation field string
FieldViolation value any

Problem code integer | 30101001
Problem detail string
Problem errors array of FieldViolation
Problem i18n_args object
Problem i18n_key string | "error.user_not_found"
Problem instance string | "/api/v1/users?limit=invalid"
Problem request_id string | "req_550e8400-e29b-41d4-a716-446655440000"
Problem retry_after integer
Problem service string | "auth-service"
Problem span_id string
Problem status integer | 400
Problem timestamp string | "2026-04-03T12:00:00Z"
Problem title string | "Invalid Request Parameters"
Problem trace_id string | "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
Problem type string | "https://api.example.com/errors/invalid-request"

SessionListResponse code integer
SessionListResponse items array of SessionResponse
SessionListResponse message string
SessionListResponse pagination PageInfo
SessionListResponse timestamp string
SessionListResponse total integer

SessionResponse amr string | "password,totp"
SessionResponse authenticated_at string | "2026-04-15T08:00:00Z"
SessionResponse created_at string | "2026-04-15T08:00:00Z"
SessionResponse device_id string | "dev_abc123"
SessionResponse device_type string | "desktop"
SessionResponse expires_at string | "2026-04-16T08:00:00Z"
SessionResponse geoip string | "Beijing, CN"
SessionResponse id string | "sess_abc123"
SessionResponse idle_expires_at string | "2026-04-15T12:00:00Z"
SessionResponse ip string | "192.168.1.1"
SessionResponse last_active_at string | "2026-04-15T10:30:00Z"
SessionResponse status string | "active"
SessionResponse tenant_id string | "tnt_xyz789"
SessionResponse user_agent string | "Mozilla/5.0..."
SessionResponse user_id string | "usr_abc123"

PageInfo has_next boolean
PageInfo has_prev boolean
PageInfo page integer
PageInfo page_size integer
PageInfo total integer
PageInfo total_pages integer

ActiveSessionStatus active boolean | true
ActiveSessionStatus session_count integer | 3

TrustedDeviceListResponse code integer
TrustedDeviceListResponse items array of TrustedDeviceResponse
TrustedDeviceListResponse message string
TrustedDeviceListResponse pagination PageInfo
TrustedDeviceListResponse timestamp string
TrustedDeviceListResponse total integer

TrustedDeviceResponse browser string
TrustedDeviceResponse created_at string
TrustedDeviceResponse device_fingerprint string
TrustedDeviceResponse device_name string
TrustedDeviceResponse device_type string
TrustedDeviceResponse id string
TrustedDeviceResponse ip string
TrustedDeviceResponse os string
TrustedDeviceResponse tenant_id string
TrustedDeviceResponse trusted_until string
TrustedDeviceResponse user_id string

SessionStatsResponse active_sessions integer | 3
SessionStatsResponse device_breakdown object of integer | {"desktop": 5, "mobile": 10}
SessionStatsResponse expired_sessions integer | 10
SessionStatsResponse revoked_sessions integer | 2
SessionStatsResponse total_sessions integer | 15
SessionStatsResponse updated_at string | "2026-04-15T10:00:00Z"
SessionStatsResponse user_id string | "usr_abc123"

AllSessionsResponse sessions* array of AllSessionsItem
AllSessionsResponse total* integer

AllSessionsItem session_id* string uuid
AllSessionsItem user_id* integer
AllSessionsItem created_at* string date-time
AllSessionsItem expires_at* string date-time
AllSessionsItem last_activity* string date-time
AllSessionsItem ip_address* string
AllSessionsItem user_agent* string
AllSessionsItem auth_method* string
AllSessionsItem is_active* boolean
AllSessionsItem username* string

ErrorEnvelope type string uri-reference
ErrorEnvelope title string
ErrorEnvelope status integer int32
ErrorEnvelope detail string
ErrorEnvelope instance string uri-reference
ErrorEnvelope error string
ErrorEnvelope details object of string
ErrorEnvelope requestId string
"""

DOCUMENTED = """
CreateSessionRequest amr array of string | ["password", "totp"]
CreateSessionRequest app_id string | "app_xyz"
CreateSessionRequest auth_user_id* string | "usr_abc123"
CreateSessionRequest browser string | "Chrome 123"
CreateSessionRequest device_fingerprint string | "sha256:a1b2c3d4"
CreateSessionRequest device_id string | "dev_abc123"
CreateSessionRequest device_type string | "desktop"
CreateSessionRequest ip string | "192.168.1.1"
CreateSessionRequest os string | "Windows 11"
CreateSessionRequest role string | "admin"
CreateSessionRequest user_agent string | "Mozilla/5.0"

CreateSessionData session SessionResponse
CreateSessionData tokens TokenPairResponse

CreateSessionDataResponse code integer
CreateSessionDataResponse data CreateSessionData
CreateSessionDataResponse message string
CreateSessionDataResponse timestamp string

CreateTrustedDeviceRequest browser string
CreateTrustedDeviceRequest device_fingerprint* string
CreateTrustedDeviceRequest device_type string
CreateTrustedDeviceRequest ip string
CreateTrustedDeviceRequest os string
CreateTrustedDeviceRequest user_id* string

GetSessionData session SessionResponse

SimpleResponse code integer
SimpleResponse message string
SimpleResponse timestamp string
"""

PARAMETERS = """
list_user_sessions path user_id string required
list_user_sessions header X-Tenant-ID string required
check_user_active path user_id string required
check_user_active header X-Tenant-ID string required
list_trusted_devices header X-Tenant-ID string required
list_trusted_devices query user_id string required
list_trusted_devices query page integer 1
list_trusted_devices query page_size integer 20
"""

ANSWERS = """
list_user_sessions GET /internal/session/sessions/{user_id} SessionListResponse Problem 400 401 500
check_user_active GET /internal/session/sessions/{user_id}/active ActiveSessionStatus Problem 400 401 500
list_trusted_devices GET /internal/session/trusted-devices TrustedDeviceListResponse Problem 400 401
get_session_stats GET /admin/sessions/stats SessionStatsResponse Problem 400 401 403 404 500
list_all_sessions GET /api/sessions/all AllSessionsResponse ErrorEnvelope 401 500
"""

_OF_A_SIGN_IN = ("factors", "authenticated_at", "expires_in", "impersonator", "name", "metadata")
OUR_ADDITIONS = {
    "ExchangeTokenRequest": {"subject_token_type"},  # RFC 8693 section 2.1 requires it; the default is documented
    "TokenExchangeResponse": {"issued_token_type"},  # RFC 8693 section 2.2.1 requires it
    "CreateSessionRequest": {"acr", "idp", "username", *_OF_A_SIGN_IN},
    "CreateTrustedDeviceRequest": {"device_name"},
    "ValidateAccessTokenRequest": {"audience"},  # RFC 9068 section 4: whoever judges a token holds it to an audience
    "UserSessionsExportResponse": {"devices", "tokens", "usage"},
    "PageInfo": {"next_cursor", "window"},
    "SessionStatsResponse": {"suspended_sessions"},
    "SessionResponse": {
        *("acr", "revoked_at", "revoked_by", "revoke_reason", "reason_code"),
        *("last_ip", "last_user_agent", "impersonator", "recorded_by", "idp"),
        *("suspended_until", "suspended_then"),
        *("app_id", "browser", "os", "current", "country"),
        *("asn", "as_org", "name", "factors", "metadata"),
    },
}
