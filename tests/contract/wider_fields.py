"""The fields of the schemas behind the wider surface, in the words of `seed_fields`.

Narrower than documented: `claims` of a token are documented as any value; a JWT's are always an object (RFC 7519).
"""

WIDER = """
AccessTokenResponse access_token string

ActiveCountResponse count integer | 42
ActiveCountResponse timestamp string | "2026-04-15T10:00:00Z"

AddToBlacklistRequest reason string
AddToBlacklistRequest token* string
AddToBlacklistRequest token_type* string
AddToBlacklistRequest user_id* string

BatchRevokeResponse failed array of string | ["sess_xyz789"]
BatchRevokeResponse succeeded array of string | ["sess_abc123", "sess_def456"]
BatchRevokeResponse total integer | 3

BlacklistCheckResponse blacklisted boolean | false
BlacklistCheckResponse reason string
BlacklistCheckResponse token string | "abc123..."

BlacklistTokenRequest app_id string
BlacklistTokenRequest expires_at integer
BlacklistTokenRequest reason string
BlacklistTokenRequest token* string
BlacklistTokenRequest token_type* string
BlacklistTokenRequest user_id* string

BlacklistedTokenListResponse code integer
BlacklistedTokenListResponse items array of BlacklistedTokenResponse
BlacklistedTokenListResponse message string
BlacklistedTokenListResponse pagination PageInfo
BlacklistedTokenListResponse timestamp string
BlacklistedTokenListResponse total integer

BlacklistedTokenResponse created_at string | "2026-04-15T08:00:00Z"
BlacklistedTokenResponse expires_at string | "2026-04-16T08:00:00Z"
BlacklistedTokenResponse id string | "bl_01ARZ3NDEKTSV4RRFFQ69G5FAV"
BlacklistedTokenResponse reason string | "manual_revoke"
BlacklistedTokenResponse token_hash string | "a1b2c3d4e5f6..."
BlacklistedTokenResponse user_id string | "usr_abc123"

DeviceFingerprintResponse browser string | "Chrome 123"
DeviceFingerprintResponse device_hash string | "a1b2c3d4e5f6..."
DeviceFingerprintResponse device_type string | "desktop"
DeviceFingerprintResponse fingerprint_id string | "fp_abc123"
DeviceFingerprintResponse first_seen_at string | "2026-01-01T00:00:00Z"
DeviceFingerprintResponse ip string | "192.168.1.1"
DeviceFingerprintResponse is_trusted boolean | true
DeviceFingerprintResponse last_seen_at string | "2026-04-15T10:30:00Z"
DeviceFingerprintResponse location string | "Beijing"
DeviceFingerprintResponse os string | "Windows 11"
DeviceFingerprintResponse screen_res string | "1920x1080"

DeviceRiskResponse active_sessions integer | 3
DeviceRiskResponse audit_failure_count integer | 0
DeviceRiskResponse device_id string | "dev_01ARZ3NDEKTSV4RRFFQ69G5FAV"
DeviceRiskResponse evaluated_at string | "2026-04-15T10:30:00Z"
DeviceRiskResponse revoked_sessions integer | 2
DeviceRiskResponse risk_factors array of string | ["unusual_location", "new_device"]
DeviceRiskResponse risk_level string | "low"
DeviceRiskResponse risk_score integer | 35
DeviceRiskResponse total_sessions integer | 15

ExchangeTokenRequest audience string | "api.example.com"
ExchangeTokenRequest grant_type* string | "urn:ietf:params:oauth:grant-type:token-exchange"
ExchangeTokenRequest subject_token* string | "eyJhbGciOiJIUzI1NiIs..."

GenerateTokensRequest app_id string
GenerateTokensRequest auth_user_id* string
GenerateTokensRequest session_id* string
GenerateTokensRequest tenant_id* string

IntrospectTokenRequest token* string
IntrospectTokenRequest type string

RefreshTokensRequest refresh_token* string

RevokeAllTokensRequest reason string | "suspicious activity"
RevokeAllTokensRequest type string | "access"
RevokeAllTokensRequest user_id string | "usr_abc123"

RiskFactor description string | "Abnormal Login Location"
RiskFactor score integer | 20
RiskFactor type string | "unusual_location"
RiskFactor weight integer | 30

RiskScoreResponse evaluated_at string | "2026-04-14T12:00:00Z"
RiskScoreResponse factors array of RiskFactor
RiskScoreResponse recommended_action string | "allow"
RiskScoreResponse risk_level string | "low"
RiskScoreResponse risk_score integer | 25
RiskScoreResponse session_id string | "sess_abc123"

TenantJWTConfigResponse access_expiry string | "24h"
TenantJWTConfigResponse leeway string | "5s"
TenantJWTConfigResponse refresh_expiry string | "168h"
TenantJWTConfigResponse tenant_id string | "tnt_example_001"

TokenDetailResponse code integer
TokenDetailResponse data TokenInfoResponse
TokenDetailResponse message string
TokenDetailResponse timestamp string

TokenExchangeResponse access_token string | "eyJhbGciOiJIUzI1NiIs..."
TokenExchangeResponse audience string | "api.example.com"
TokenExchangeResponse expires_in integer | 3600
TokenExchangeResponse grant_type string | "urn:ietf:params:oauth:grant-type:token-exchange"
TokenExchangeResponse refresh_token string | "eyJhbGciOiJIUzI1NiIs..."
TokenExchangeResponse token_type string | "Bearer"

TokenInfoResponse created_at string | "2026-04-15T08:00:00Z"
TokenInfoResponse expires_at string | "2026-04-15T09:00:00Z"
TokenInfoResponse id string | "tok_abc123"
TokenInfoResponse ip string | "192.168.1.1"
TokenInfoResponse status string | "active"
TokenInfoResponse token_type string | "access"
TokenInfoResponse user_agent string | "Mozilla/5.0..."
TokenInfoResponse user_id string | "usr_abc123"

TokenIntrospectionResponse active boolean | true
TokenIntrospectionResponse client_id string | "app_xyz"
TokenIntrospectionResponse exp integer | 1713175200
TokenIntrospectionResponse iat integer | 1713171600
TokenIntrospectionResponse iss string | "auth.example.com"
TokenIntrospectionResponse scope string | "read write"
TokenIntrospectionResponse sub string | "usr_abc123"
TokenIntrospectionResponse token_type string | "access"
TokenIntrospectionResponse username string | "john.doe"

TokenListResponse code integer
TokenListResponse items array of TokenInfoResponse
TokenListResponse message string
TokenListResponse pagination PageInfo
TokenListResponse timestamp string
TokenListResponse total integer

TokenPairResponse access_token string | "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9..."
TokenPairResponse expires_in integer | 3600
TokenPairResponse refresh_token string | "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9..."
TokenPairResponse token_type string | "Bearer"

TokenValidationResponse claims object
TokenValidationResponse error string
TokenValidationResponse valid boolean | true

OwnTrustedDeviceRequest device_fingerprint* string
OwnTrustedDeviceRequest device_name string

UpdateTenantJWTConfigRequest access_expiry* string
UpdateTenantJWTConfigRequest leeway string
UpdateTenantJWTConfigRequest refresh_expiry* string

UpgradeSessionMFAResponse message string | "session MFA status upgraded"
UpgradeSessionMFAResponse mfa_verified boolean | true
UpgradeSessionMFAResponse session_id string | "sess_abc123"

UserSessionsExportResponse sessions array of SessionResponse
UserSessionsExportResponse total integer | 5

ValidateAccessTokenRequest access_token* string
ValidateAccessTokenRequest device_fingerprint string
"""

UNNAMED = """
BulkRevokeRequest session_ids* array of string
BulkRevokeRequest reason string

ExportUserDataRequest user_id* string

RevokeSessionRequest reason string
"""
"""Bodies that are documented without a name."""

CLOSED = {("AddToBlacklistRequest", "token_type"): ["access", "refresh"]}
"""Documented sets of values."""

AS_DOCUMENTED = {("DeviceRiskResponse", "risk_factors"): ['["unusual_location"', '"new_device"]']}
"""Examples that the reference garbled: a list split at its comma. We show what is meant; theirs is valid too."""
