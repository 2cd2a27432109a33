### What Sojourn says about refusals, in English. Each problem key has a title, a detail for the response, and
### an explanation and a remedy for its page.

validation_failed = Invalid request
    .detail = { $count ->
        [one] The request breaks one rule of the contract; see errors.
       *[other] The request breaks { $count } rules of the contract; see errors.
    }
    .explanation = A parameter, a header or the body is not what the contract of the operation says. All broken rules are listed in errors, each with the field, the rule and a sentence.
    .remedy = Correct every field that errors names and send the request again. Unchanged, it will be refused again.

malformed_body = Unreadable body
    .detail = The body is not the JSON that it should be; see errors.
    .explanation = The body could not be read as JSON in UTF-8: a syntax error, a member given twice, a number or a nesting beyond the limits, or characters that mean nothing in a text.
    .remedy = Send one JSON value in UTF-8, with each member once. The entry in errors says where reading stopped.

malformed_request = Ambiguous request
    .detail = The request can be read in more than one way; see errors.
    .explanation = A part of the request that must be unique, such as a credential, was sent more than once. Two readers could understand it differently, so it is refused.
    .remedy = Send each header that errors names exactly once.

authentication_required = Authentication required
    .detail = The request carries no credentials for this operation.
    .explanation = Operations under /internal need an API key in X-API-Key. All others need a bearer token in Authorization.
    .remedy = Send the credential that the WWW-Authenticate header of the response names.

invalid_api_key = Invalid API key
    .detail = The API key is not accepted.
    .explanation = The key in X-API-Key is unknown, revoked or expired. The response does not say which.
    .remedy = Check that the whole key was copied. If it was, ask the operators for a new one.

invalid_token = Invalid token
    .detail = The bearer token is not accepted.
    .explanation = The token's signature, algorithm, issuer, audience or claims are not what this service accepts. The response does not say which; the log of the server does.
    .remedy = Sign in again and use the new token. If that is refused too, compare the settings of the issuer with those of this service.

token_expired = Token expired
    .detail = The bearer token has expired.
    .explanation = The token was valid, but its lifetime (exp) is over.
    .remedy = Get a new token and send the request again.

insufficient_role = Insufficient role
    .detail = This operation needs one of these roles: { $roles }.
    .explanation = The token is valid, but it has none of the roles that the operation requires.
    .remedy = Use an account that holds the role, or ask an administrator for it.

insufficient_scope = Insufficient scope
    .detail = This operation needs an API key with the scope { $scope }.
    .explanation = The API key is valid, but it does not have the scope that the operation requires.
    .remedy = Use a key that has the scope, or ask the operators for one.

tenant_not_allowed = Tenant not allowed
    .detail = The API key does not cover this tenant.
    .explanation = The API key is limited to certain tenants, and the one in X-Tenant-ID is not among them. The response does not say whether that tenant exists.
    .remedy = Use a key that covers the tenant, or correct X-Tenant-ID.

not_your_resource = Not your resource
    .detail = The resource belongs to another user.
    .explanation = Users see and change only what is theirs; administrators see all of their tenant.
    .remedy = Use a resource of your own, or ask an administrator.

tenant_mismatch = Another tenant
    .detail = The tenant in the body is not the tenant of the request.
    .explanation = The tenant comes from the credential or from X-Tenant-ID. A body that names another one is refused, so that nothing is written for the wrong tenant.
    .remedy = Name the same tenant in both places.

unsupported_grant = Unsupported grant
    .detail = The grant type or a token type is not supported here.
    .explanation = This operation supports only token exchange (RFC 8693) for access tokens.
    .remedy = Send the grant_type urn:ietf:params:oauth:grant-type:token-exchange.

invalid_subject_token = Invalid subject token
    .detail = The token to be exchanged is not accepted.
    .explanation = The subject token is not signed by a key that this service knows, is expired, was revoked, or belongs to a session that has ended. The response does not say which.
    .remedy = Get a new token for the subject and exchange that one.

invalid_logout_token = Invalid logout token
    .detail = The logout token is refused: { $rule ->
        [form] it is not a signed JWT in compact form (RFC 7515 section 7.1).
        [alg] its alg is none of those that are accepted of its issuer, or it is none.
        [header] its header asks for an extension (crit) that is not served.
        [typ] its typ is not logout+jwt.
        [signature] no key of its issuer has signed it.
        [iss] iss is missing, or is no issuer that is trusted here.
        [aud] aud is missing, or does not name this service alone.
        [iat] iat is missing, is no number of seconds, or is in the future.
        [exp] exp is missing or has passed.
        [nbf] nbf is no number of seconds, or is in the future.
        [jti] jti is missing or is no text.
        [events] events is no JSON object with the member http://schemas.openid.net/event/backchannel-logout, whose value is a JSON object.
        [nonce] it has a nonce, which a logout token must not have.
        [subject] it has neither sub nor sid.
        [sub] sub is no text of 1 to 255 printable characters.
        [sid] sid is no text of 1 to 255 printable characters.
        [replayed] a logout token with this jti was received before.
       *[tenant] it names a tenant that there cannot be.
    }
    .explanation = An identity provider sends a logout token when a session ends there (OpenID Connect Back-Channel Logout 1.0). This one breaks a rule of section 2.4 or 2.6 of that standard, so no session was ended. The detail says which rule.
    .remedy = Compare the provider's settings with those of this service: the issuer, the keys, and SOJOURN_LOGOUT_AUDIENCE, which lists the client ids that logout tokens may name. A token that was refused as received before has already done its work.

invalid_security_event = Invalid security event token
    .detail = The security event token is refused: { $rule ->
        [form] it is not a signed JWT in compact form (RFC 7515 section 7.1).
        [alg] its alg is none of those that are accepted of its issuer, or it is none.
        [header] its header asks for an extension (crit) that is not served.
        [typ] its typ is not secevent+jwt.
        [signature] no key of its issuer has signed it.
        [iss] iss is missing, or is no issuer that is trusted here.
        [aud] aud is missing, or does not name this service alone.
        [iat] iat is missing, is no number of seconds, is in the future or older than a week.
        [exp] it has exp, which a security event token must not have.
        [sub] it has sub. The subject belongs into sub_id.
        [jti] jti is missing or is no text.
        [events] events is no JSON object whose members are JSON objects, or it is empty.
        [subject] sub_id names neither a user nor a session: it is iss_sub of the same issuer, opaque, or complex with user or session.
       *[tenant] it names a tenant that there cannot be.
    }
    .explanation = An identity provider sends a security event token when something happened to a session or an account (RFC 8935). This one breaks a rule of RFC 8417 or RFC 8935, so no session was ended. The detail says which rule.
    .remedy = Compare the provider's settings with those of this service: the issuer, the keys, and SOJOURN_LOGOUT_AUDIENCE, which lists the audiences that the tokens may name.

refresh_token_invalid = Invalid refresh token
    .detail = The refresh token is not accepted.
    .explanation = The refresh token was not issued by this service, is expired, or belongs to a session that has ended. The response does not say which. Nothing was changed.
    .remedy = Use the latest refresh token. If that is refused too, sign in again.

refresh_token_reused = Refresh token used again
    .detail = The refresh token was used before. Its session has been ended.
    .explanation = A refresh token that had already been exchanged was sent again. It may have been stolen, so its session was ended, and all tokens of that session are refused.
    .remedy = Sign in again. If this happens often, two programs may be using the same refresh token.

role_not_allowed = Role not allowed
    .detail = Only internal services and administrators may give a session a role.
    .explanation = Users cannot raise their own rights by creating a session.
    .remedy = Leave role out, or ask an administrator.

not_entitled_to_vouch = Not entitled to vouch
    .detail = { $reason ->
        [stale] The sign-in that this token proves was too long ago, or is in the future: send a new token of the identity provider.
        [spent] This token has vouched for a sign-in before: send a new token of the identity provider.
        [beyond] This token does not attest { $members }: leave that out.
        [one_factor] This token does not prove several factors: send one of the identity provider that does.
       *[own_token] A token of this service proves a session and no sign-in: send a new token of the identity provider.
    } A service that signed the user in may vouch for it with its API key.
    .explanation = How, when and where a user signed in is attested by a service with an API key, by an administrator, or by the claims of a new token from the identity provider, which counts once. What only the user claims is refused, so that users cannot prolong a session or raise its assurance on their own.
    .remedy = Have the user sign in with the identity provider and send that token within the time allowed; its claims amr, acr and auth_time count. Or let the service that signed the user in call POST /internal/session/create, or POST /internal/session/ followed by the session's id and /elevate, with its API key.

sign_in_superseded = Sign-in superseded
    .detail = All sessions of the user were ended after this sign-in began. Nothing was created.
    .explanation = All sessions of the user were ended while this request was under way, or after the sign-in that the token proves. Ending all sessions of a user also invalidates earlier sign-ins.
    .remedy = If the user may sign in again, have them do so, and use the new sign-in.

first_tokens_issued = First tokens already issued
    .detail = The first pair of tokens of this session was issued before. Nothing was issued now.
    .explanation = A session has one first pair of tokens: the response to its creation holds it, or for an imported session the first response of this operation. A second client cannot obtain tokens by asking again.
    .remedy = Use the refresh token of the first pair. If the tokens were lost, call generate_tokens: it begins anew, and earlier refresh tokens are refused.

cursor_expired = Cursor expired
    .detail = Events behind this cursor are not kept any more, or it is a cursor of another database.
    .explanation = Events are kept for a while only, and a database that was restored begins a new order. To go on from this cursor would leave out events without saying so.
    .remedy = Read again what your service must know, for example which sessions are active. Then follow the events from the oldest one that is kept: leave out "after".

plan_drifted = Plan drifted
    .detail = Now { $sessions } sessions fit the plan, and at most { $max_sessions } may end. None has ended.
    .explanation = Between the plan and its application, sessions began or changed, so that more of them fit than the request allows. A plan never ends more sessions than somebody has agreed to.
    .remedy = Look at what is new, with another plan or in the list of sessions. To end all of them, apply the plan with max_sessions set to the new number.

plan_expired = Plan expired
    .detail = The plan is too old to be applied.
    .explanation = A plan is good for an hour, because what it counted may not be true any more. Nothing has ended.
    .remedy = Make a new plan with the same filter, look at its numbers, and apply that.

plan_not_found = Plan not found
    .detail = The tenant has no such plan.
    .explanation = No plan of the caller's tenant has this id. It may belong to another tenant, or have been made so long ago that it is not kept any more.
    .remedy = Take the id from the response that made the plan.

revocation_not_found = Revocation not found
    .detail = The tenant has no such revocation.
    .explanation = No plan of the caller's tenant was applied under this id, or that was so long ago that it is not kept any more.
    .remedy = Take the id from the response that applied the plan.

tenant_limit_reached = Tenant limit reached
    .detail = There are already { $limit } tenants, so no further one is created on first use. To create it all the same, run: sojourn tenant create { $tenant }
    .explanation = A tenant is created by the first write that names it, until there are as many as the setting SOJOURN_MAX_TENANTS allows. Nothing was created. Existing tenants are not affected.
    .remedy = Check the spelling of the tenant. If it is a new one, an operator can create it with `sojourn tenant create`, or raise SOJOURN_MAX_TENANTS.

session_limit_reached = Session limit reached
    .detail = The tenant allows { $limit } sessions at once, and so many are open. Nothing was created.
    .explanation = A policy of the tenant limits how many sessions a user may have at once, in all or in each application. Sessions that are suspended count. No further session begins at the limit if the policy denies it, or if the only session that could end for it is the caller's own. No session has ended, and the sign-in was not rejected for any other reason.
    .remedy = Have the user end a session that is not needed any more, and repeat the request. An administrator can raise the limit, or let a new session end an earlier one, with PUT /admin/policies/sessions.

tenant_exists = Tenant exists
    .detail = The tenant exists already.
    .explanation = A tenant is made once, by hand or by the first write that names it. This one was there already and was left as it is.
    .remedy = Go on as if it had been made, or choose another id.

precondition_failed = Precondition failed
    .detail = This was changed since you read it. Nothing was changed now.
    .explanation = If-Match names the ETag of what you read. What is there now has another one: somebody else changed it meanwhile, or it was used or has ended. Your change was not made, so that it overwrites no change of theirs.
    .remedy = Read it again, decide whether your change is still right, and send it with the new ETag.

idempotency_key_reused = Idempotency key reused
    .detail = The Idempotency-Key was sent before with another request. Nothing was done.
    .explanation = A key stands for one request of one caller: its operation, its parameters and its body. It was used for a different one within the last 24 hours. The same problem is returned when the response that was kept for the key cannot be read any more, because the secret of the service was replaced.
    .remedy = Use a new key for each new act, for example a random UUID, and send the same key only when you send the same request again.

token_not_found = Token not found
    .detail = There is no such token.
    .explanation = The tenant has no token with this id, or it is so old that it has been removed.
    .remedy = Take the id from the list of tokens.

device_not_found = Device not found
    .detail = There is no such device.
    .explanation = No session and no trusted device of the tenant has this device id.
    .remedy = Take the id from the list of sessions or of trusted devices.

blacklist_entry_not_found = Blacklist entry not found
    .detail = There is no such entry.
    .explanation = The blacklist of the tenant has no entry with this id.
    .remedy = Take the id from the list of blacklisted tokens.

webhook_limit_reached = Webhook limit reached
    .detail = The tenant has { $limit } webhooks, and may have no more.
    .explanation = A tenant may have as many webhooks as the setting SOJOURN_MAX_WEBHOOKS allows, those that are disabled and logout clients included. Nothing was made.
    .remedy = Delete webhooks that nobody needs any more. An operator can raise SOJOURN_MAX_WEBHOOKS.

webhook_not_found = Webhook not found
    .detail = The tenant has no such webhook.
    .explanation = No webhook of the caller's tenant has this id. It may have been deleted, or belong to another tenant.
    .remedy = Take the id from the list of webhooks.

delivery_not_found = Delivery not found
    .detail = The webhook has no such delivery.
    .explanation = The webhook was never to be sent an event of this id, or the event is not kept any more.
    .remedy = Take the id from the list of deliveries. To send events from before a change of the webhook, name a period.

api_key_not_found = API key not found
    .detail = There is no such API key.
    .explanation = No API key that can be managed with the caller's key has this id. A key that is limited to tenants manages keys of those only; a key that was revoked or has expired cannot be rotated.
    .remedy = Take the id from the list of API keys.

rate_limited = Too many requests
    .detail = Too many requests of this kind. Try again in { $retry_after } s.
    .explanation = The operation was called more often than the limit allows. Nothing was changed, and no credential was used up.
    .remedy = Wait as long as the Retry-After header says, then send the request again.

route_not_found = No such path
    .detail = No operation is served at this path.
    .explanation = The path matches no operation of the contract. With a trailing slash, an empty segment or other upper and lower case it is a different path.
    .remedy = Compare the path with the contract at /openapi.json.

session_not_found = Session not found
    .detail = There is no such session.
    .explanation = No session of your tenant has this id, or it has ended and the operation needs an active one.
    .remedy = Check the id. If the session has ended, the user has to sign in again.

tenant_not_found = Tenant not found
    .detail = The tenant does not exist.
    .explanation = The tenant that the token or X-Tenant-ID names is not known here. It has no data yet, or tenants are created by hand on this server.
    .remedy = Check the tenant's id, or ask the operators to create the tenant.

page_file_not_found = No such file
    .detail = This release of the server has no such file for its pages.
    .explanation = The files of the console stand below the hash of a release. The page that asked is of another release, or the address was changed.
    .remedy = Load the page again. For a page of your own, use the address with `current` in the place of the hash.

status_list_not_found = No such status list
    .detail = No status list has this id.
    .explanation = The id is not that of a status list of this service, or the list is not needed any more because all tokens that name it have expired.
    .remedy = Take the address from the claim `status` of an access token, or from /status-lists.

logout_client_not_found = Logout client not found
    .detail = The tenant has no such logout client.
    .explanation = No application of the caller's tenant is registered for logout tokens under this client id. It may have been deleted, or belong to another tenant.
    .remedy = Take the client id from the list of logout clients.

logout_client_exists = Logout client exists
    .detail = The tenant has a logout client of this id already.
    .explanation = An application is registered for logout tokens under this client id. Nothing was changed.
    .remedy = Change the logout client that is there, or choose another client id.

metadata_not_found = No metadata
    .detail = The service has no public URL, so it has no metadata.
    .explanation = The metadata of OAuth consists of addresses below the public URL of the service, and the operators have not set one.
    .remedy = Write the addresses of the forms into the client's settings, or ask the operators to set SOJOURN_PUBLIC_URL.

problem_type_not_found = No such problem type
    .detail = No problem type has this name.
    .explanation = The last part of the path is not the name of a problem type of this service.
    .remedy = Look at /problems for the list of all problem types.

method_not_allowed = Method not allowed
    .detail = This path serves only: { $allow }.
    .explanation = The path exists, but not with this method. HEAD and OPTIONS are not served.
    .remedy = Use one of the methods in the Allow header of the response.

not_acceptable = Not acceptable
    .detail = This operation answers only in: { $offers }.
    .explanation = The Accept header excludes every media type in which the operation can answer.
    .remedy = Leave the Accept header out, or add one of the media types that the detail names.

request_timeout = Request timeout
    .detail = The request body did not arrive in time.
    .explanation = The head of the request arrived, but its body was not complete within the time allowed.
    .remedy = Send the request again. If it happens often, look at the network or send smaller bodies.

content_too_large = Body too large
    .detail = The body is larger than { $limit } bytes.
    .explanation = The body is larger than this server allows and was not read to its end.
    .remedy = Send less in one request.

uri_too_long = URI too long
    .detail = Path and query together are longer than { $limit } bytes.
    .explanation = The request line is longer than this server allows.
    .remedy = Send a shorter path and query.

unsupported_media_type = Unsupported media type
    .detail = The body must be { $accepted } in UTF-8 without content coding.
    .explanation = The Content-Type is missing or is not JSON in UTF-8, or a Content-Encoding was used.
    .remedy = Send JSON with the header Content-Type: application/json, uncompressed.

headers_too_large = Headers too large
    .detail = The headers together are larger than { $limit } bytes.
    .explanation = The header section is larger than this server allows.
    .remedy = Send fewer or shorter headers. Cookies are not used here and can be left out.

internal = Internal error
    .detail = Something went wrong on our side.
    .explanation = The server met a condition that it did not expect. The fault is not in the request, and nothing of it was stored.
    .remedy = Try again later. If it goes on, tell the operators the request_id.

transfer_coding_unknown = Unknown transfer coding
    .detail = The only transfer coding that this server understands is chunked.
    .explanation = The Transfer-Encoding of the request is not chunked, so its body cannot be read.
    .remedy = Send the body with a Content-Length, or with Transfer-Encoding: chunked.

unavailable = Temporarily unavailable
    .detail = The service cannot answer right now; try again in { $retry_after ->
        [one] one second
       *[other] { $retry_after } seconds
    }.
    .explanation = Something that the service depends on does not respond or is overloaded. Nothing of the request was stored.
    .remedy = Send the request again after the time in the Retry-After header.

version_not_supported = HTTP version not supported
    .detail = Requests must be in HTTP/1.1 or HTTP/1.0.
    .explanation = The request line names another version of HTTP, or none.
    .remedy = Send the request in HTTP/1.1.

## One sentence for each rule that a request can break.

violation-required = This value is required.
violation-type = This must be of type { $type }.
violation-format = This is not a valid { $format }.
violation-pattern = This does not match the pattern { $pattern }.
violation-min_length = This must have at least { $limit ->
        [one] one character
       *[other] { $limit } characters
    }.
violation-max_length = This may have at most { $limit ->
        [one] one character
       *[other] { $limit } characters
    }.
violation-minimum = This must be at least { $limit }.
violation-maximum = This must be at most { $limit }.
violation-multiple_of = This must be a multiple of { $limit }.
violation-enum = This must be one of: { $allowed }.
violation-any_of = This fits none of the allowed forms: { $allowed }.
violation-min_items = This must have at least { $limit ->
        [one] one item
       *[other] { $limit } items
    }.
violation-max_items = This may have at most { $limit ->
        [one] one item
       *[other] { $limit } items
    }.
violation-min_properties = This must have at least { $limit ->
        [one] one member
       *[other] { $limit } members
    }.
violation-max_properties = This may have at most { $limit ->
        [one] one member
       *[other] { $limit } members
    }.
violation-unique_items = No item may occur twice.
violation-unknown_property = The body has no member of this name.
violation-unknown_parameter = The operation has no parameter of this name.
violation-repeated_parameter = This may be sent only once.
violation-not_together = This cannot be sent together with { $other }.
violation-foreign_cursor = This is no cursor of this list: it is of another tenant, other filters or another order. Begin again without it.
violation-before = This must be before { $other }.
violation-too_many_points = These are { $points } steps, and a response shows { $limit } at most. Choose longer steps, or a later beginning.
violation-repeated_property = This member is given more than once.
violation-encoding = This is not valid UTF-8 or not correctly percent-encoded.
violation-control_character = This contains a NUL or half of a surrogate pair.
violation-json_depth = The body nests deeper than { $limit } levels.
violation-json_number = A number has more than { $limit } characters or is too large.
violation-json_constant = { $name } is not a JSON value.
violation-json_syntax = The JSON text cannot be read further than line { $line }, column { $column }.
violation-http_syntax = What was sent is no HTTP/1.1 request.
violation-http_host = A request needs exactly one Host header: a host, and optionally a port.
violation-http_target = The request line needs a path. A query may follow it, a fragment may not.
violation-no_current_session = The bearer token belongs to no session of the caller.
violation-not_beside = This cannot be given together with { $other }.
violation-webhook_url = This is no URL of a host name or an address in its usual form, without user information and fragment.
violation-webhook_https = This must be an https URL. An operator of the service can allow a host or a network beside it.
violation-webhook_address = This leads to an address that is not public. An operator of the service can allow a host or a network.
violation-body_not_allowed = This operation takes no body.

## The words of the pages about problem types.

page-index-title = Problem types
page-index-lead = Every refusal of this service is a problem document (RFC 9457). Its type leads to one of these pages.
page-status = Status
page-code = Code
page-key = Translation key
page-meaning = What it means
page-remedy = What to do
page-example = An example
page-all = All problem types
page-language = English
page-reference = API reference
page-no-script = The reference needs JavaScript. Without it, read:
page-skip = Skip to the content
page-front-title = Session service
page-front-lead = A session service: who is signed in, on which device, with which tokens, for every tenant.
page-place-reference = API reference
page-place-reference-about = Every operation, to read, to search and to try. Start here.
page-place-contract = Contract
page-place-contract-about = The same for programs: the OpenAPI document that every request and response must match.
page-place-problems = Problem types
page-place-problems-about = Every refusal: what it means and what to do about it.
page-place-health = Health
page-place-health-about = Whether the service can do its work now.
