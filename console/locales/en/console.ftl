### The words of the console and of the page of one's own devices.

## The frame
console = Console
account = My devices
places = Pages
place-overview = Overview
place-sessions = Sessions
place-users = Users
place-trusted = Trusted devices
place-tokens = Tokens
place-webhooks = Webhooks
place-keys = Keys
no-such-place = There is no such page
language = Language
skip = Skip to the content
sign-out = Sign out
no-roles = no role
read-only = You may look at everything. Your role may change nothing.
none = –
loading = Loading …
reload = Reload
try-again = Try again
details = Details
cancel = Cancel
copy = Copy { $value }
copy-done = Copied
offline = The server cannot be reached
offline-about = What you see may be out of date. Check your connection.
fault = The page failed
refused = The request was refused
request-id = Request
just-now = just now
in-a-moment = in a moment
user = User
description = Description
value = Value
reason = Reason
look-up = Look up
count = { $count ->
    [one] 1 entry
   *[other] { $count } entries
}
pages = Pages of the list
first-page = Back to the first page
previous-page = Previous page
next-page = Next page

## Signing in
sign-in-title = Sign in
sign-in-at = You sign in at { $issuer } and come back to this page.
sign-in = Sign in
sign-in-failed = Signing in failed
left-expired = Your token is no longer accepted. Sign in once more.
left-signed-out = You are signed out of this page.
set-up = Let people sign in here
set-up-about = This server does not know where people sign in. Its operator names the identity provider with two settings and starts it anew:
set-up-redirect = The client is public and uses the authorization code flow with PKCE. Its redirect address is
with-token = Use a bearer token
with-token-about = The token stays in the memory of this page: it is gone when the page is closed or loaded again.
token = Token
open = Open

## Overview
tile-active = active now
tile-expired = expired
tile-revoked = ended by request
tile-total = kept in all
by-device = By device
as-of = Devices: of all sessions that are kept, exact at { $at }.
newest = Newest sessions
period = Period
period-1m = Last hour
period-1h = Last day
period-24h = Last 30 days
chart-active = Active over time
chart-changes = Created and ended
chart-about = { $title }, as lines, from { $from } to { $to }. The same numbers stand in the table below.
as-table = As a table
step = From
line-all = All
line-created = Created
line-ended = Ended
part-others = Others
part-none = Not known
peak = At most { $count } at once, first at { $at }.
changes-about = { $created } created and { $ended } ended in this period.
by-reason = Ended in this period, by reason
top-apps = Active now, by application
nothing-active = No session was active.
nothing-changed = No session was created or ended.
nothing-ended = No session ended.
not-counted = Nothing is counted yet. The first numbers come about half a minute after the first session.
counted-until = All else: counted until { $at }.

## Sessions
session = Session
no-sessions = No sessions
no-sessions-about = No session fits these filters. Take one out to see more.
filter = Filter
add-filter = Add filter
remove-filter = Remove the filter { $name }
columns = Columns
choice = Choice
choose = Choose session { $id }
choose-hint = Choose sessions to end them together.
open-session = Details of session { $id }
order = Order
order-newest-created-at = Newest first
order-created-at = Oldest first
order-newest-last-active-at = Last used first
show = Show
others = { $count ->
    [one] 1 session has changed since this list was loaded.
   *[other] { $count } sessions have changed since this list was loaded.
}
count-sessions = { $count ->
    [one] 1 session
   *[other] { $count } sessions
}
end-session = End session
end-count = { $count ->
    [one] End 1 session
   *[other] End { $count } sessions
}
end-count-title = { $count ->
    [one] End 1 session?
   *[other] End { $count } sessions?
}
suspend = Suspend
suspend-title = Suspend 1 session?
suspend-consequence = Its tokens are refused until it is reactivated. Its deadlines go on.
reactivate = Reactivate
reactivate-title = Reactivate 1 session?
reactivate-consequence = Its tokens are accepted again.
changed = The session has changed
end-consequence = Who uses it is signed out at once, and its tokens are refused. This cannot be undone.
ended-count = { $count ->
    [one] 1 session ended
   *[other] { $count } sessions ended
}
column-user_id = User
column-status = Status
column-device = Device
column-app_id = Application
column-ip = Address
column-created_at = Began
column-last_active_at = Last used
column-expires_at = Ends
column-amr = Signed in with
column-acr = Assurance
column-id = Id
column-device_id = Device id
column-device_type = Kind of device
column-device_fingerprint = Fingerprint
column-country = Country
column-asn = Network
column-user_agent = User agent
column-user_agent_contains = User agent contains
column-created_after = Began after
column-created_before = Began before
column-active_after = Used after
column-active_before = Used before
column-auth_time_before = Authenticated before
column-browser = Browser
column-os = System
column-last_ip = Last address
column-idp = Identity provider
column-impersonator = Impersonated by
column-recorded_by = Recorded by
status-all = All
status-active = Active
status-expired = Expired
status-revoked = Ended
status-suspended = Suspended
device-desktop = Desktop
device-mobile = Phone
device-tablet = Tablet
device-unknown = Unknown device
reason-signed_out = signed out
reason-revoked_by_user = ended by the user
reason-revoked_by_service = ended by a service
reason-revoked_by_admin = ended by an administrator
reason-bulk = ended with others
reason-plan = ended by a plan
reason-idle_timeout = idle too long
reason-absolute_timeout = reached its end
reason-session_limit = too many sessions
reason-refresh_token_reuse = refresh token used twice
reason-credential_change = credentials changed
reason-account_disabled = account disabled
reason-restored = a backup was restored
reason-erased = user data erased
reason-binding_violated = used from elsewhere
reason-suspension_over = suspension over
reason-unspecified = no reason given

## One session
facts = Session
device-and-network = Device and network
timeline = Timeline
way = From the device to the country
way-about = From the device { $device }, by the network { $network }, in { $country }.
way-device = Device
way-network = Network
way-country = Country
way-moved = last from
tokens-of-user = Tokens of this user
timeline-factor = Verified with { $method }
timeline-suspended = Suspended
timeline-until = Suspended until
timeline-reactivated = Reactivated
timeline-elevated = Assurance raised
timeline-reused = A refresh token came twice
older-left-out = Older events are left out.
by-admin = by an administrator
by-user = by the user
by-service = by a service
by-system = by the session service
timeline-created = Began
timeline-authenticated = Authenticated
timeline-active = Last used
timeline-ended = Ended
timeline-idle = Ends if idle until
timeline-absolute = Ends at the latest
risk = Risk
no-factors = Nothing makes this session look risky.
level-low = low
level-medium = medium
level-high = high
action-allow = Nothing need be done.
action-challenge = Ask the user to authenticate again.
action-revoke = End it.
factor-refresh_token_reuse = A refresh token was used twice
factor-impossible_travel = Places too far apart in time
factor-unusual_location = Place not seen before
factor-new_device = Device not seen before
factor-shared_device = Device of many users
factor-many_revocations = Many sessions ended by others
factor-weak_authentication = Signed in with a single factor
factor-stale_mfa = Authenticated long ago
factor-new_network = Network not seen before
factor-unusual_hour = Unusual hour
factor-many_parallel_sessions = Many sessions at once

## Users
users-hint = Look up a user to see their devices and sessions, and to end them.
active-sessions = Active
all-sessions = All
end-all = End all
end-all-but-newest = End all but the newest
end-but-newest-consequence = Only the session that began last goes on. The others are signed out at once. This cannot be undone.
end-user-title = End every session of { $user }?
end-user-consequence = The user is signed out everywhere at once, and every token is refused. This cannot be undone.
ended-user = The sessions of { $user } have ended

## Trusted devices
trusted-hint = Look up a user to see which devices they trust.
no-trusted = No trusted devices
column-trusted_since = Trusted since
column-trusted_until = Trusted until
forget = Forget
forget-title = Forget 1 trusted device?
forget-consequence = The user is asked for a second factor on this device again. Sessions go on.
forgotten = 1 device is no longer trusted

## Tokens
issued = Issued
blacklist = Blacklist
no-tokens = No tokens
no-blacklist = No token is refused before its time
column-type = Kind
column-issued_at = Issued
column-token_hash = Hash of the token
column-reason = Reason
column-refused_at = Refused since
type-access = access
type-refresh = refresh
remove = Remove
unblock-title = Remove 1 entry of the blacklist?
unblock-consequence = The token is accepted again until it expires.
unblocked = 1 entry removed

## Webhooks
no-webhooks = No webhooks
no-webhooks-about = An endpoint is made with POST /admin/webhooks; then this page shows what becomes of each event.
column-url = Address
column-state = State
column-events = Events
column-tries = Tries
column-outcome = Last attempt
enabled = enabled
disabled = disabled
disabled-administrator = by an administrator
disabled-gone = the endpoint is gone
disabled-failing = it failed too long
held-until = Waits until
deliveries = Deliveries
no-deliveries = No deliveries
delivery-pending = waiting
delivery-delivered = delivered
delivery-failed = failed
outcome-delivered = delivered
outcome-status = refused
outcome-redirect = redirected
outcome-gone = gone
outcome-timeout = too slow
outcome-unreachable = unreachable
outcome-unresolved = name not found
outcome-address_refused = address not allowed
outcome-tls_failed = TLS failed
outcome-secret_unreadable = secret unreadable
replay = Send again
replay-title = Send 1 event again?
replay-consequence = The endpoint gets the same event with the same id once more.
replayed = { $count ->
    [one] 1 event is sent again
   *[other] { $count } events are sent again
}
test = Send a test
test-delivered = The test was delivered ({ $status })
test-failed = The test was not delivered ({ $status })

## Keys
signing-keys = Signing keys
signing-keys-about = The public keys with which anybody can verify our tokens.
no-keys = No keys
column-kid = Key id
column-alg = Algorithm
column-use = Use
lifetimes = Lifetimes of tokens
access-expiry = Access token
refresh-expiry = Refresh token
leeway = Leeway
api-keys = API keys
api-keys-about = They are shown to who holds an API key with the scope manage. It stays in the memory of this page.
api-key = API key
column-name = Name
column-prefix = Begins with
column-scopes = Scopes
column-last_used_at = Last used
key-good = in use
key-revoked = revoked
key-expired = expired

## Plans
place-plans = Plans
plan-which = Which sessions are to end?
plan-which-about = Fill in what is known; a session ends when it fits all of it. Nothing ends before you have seen the numbers.
plan-everything = Every session of the tenant, where nothing is filled in
plan-count = Count them
plan-ends = { $count ->
    [one] 1 session would end
   *[other] { $count } sessions would end
}
plan-until = Can be applied until
plan-type = Type { $count } to end them. Their users are signed out at once; this cannot be undone.
plan-sample = The newest of them
plan-progress = Progress
plan-remaining = { $count ->
    [one] 1 row remains to be written. Its tokens are refused already.
   *[other] { $count } rows remain to be written. Their tokens are refused already.
}
plan-done = Finished at { $at }
plan-another = Another plan
plan-not-yours = Your role may make no plans.

## Policies
place-policies = Policies
policy-lead = The tenant's own rules for its sessions. A rule that is not set leaves the settings of the service as they are.
policy-none = No rule was ever set.
policy-version = Version { $version }
policy-unchanged = Nothing is changed.
policy-changes = What changes
policy-discard = Discard the changes
policy-unset = as the service has it
policy-save-title = { $count ->
    [one] Save 1 change of the policy?
   *[other] Save { $count } changes of the policy?
}
policy-consequence = A limit holds from the next sign-in on, a binding from the next use of a session on. A shorter time-out ends what has lasted longer at once.
policy-reach = { $count ->
    [0] The tenant has no active session now.
    [one] The tenant has 1 active session now.
   *[other] The tenant has { $count } active sessions now.
}
policy-simulate = See what it would do
policy-would-end = { $count ->
    [0] No open session is above the rules.
    [one] 1 open session is above the rules and would end when its user signs in again.
   *[other] { $users ->
        [one] { $count } open sessions, of 1 user, are above the rules and would end when the user signs in again.
       *[other] { $count } open sessions, of { $users } users, are above the rules and would end when their users sign in again.
    }
}
policy-by-rule = By rule
policy-would-deny = Sign-ins it would have refused
policy-ended-for-others = Sessions it would have ended for a new one
policy-since = Looked at since
policy-counted = Counted on
policy-counted-on = { $count ->
    [one] 1 session
   *[other] { $count } sessions
}
policy-incomplete = There are more sessions than one look can count: the numbers are of a part of the users.
policy-saved = The policy is saved
policy-reset = Take away all rules
policy-reset-title = Take away every rule of the tenant?
policy-reset-consequence = Only the settings of the service apply, from the next sign-in on.
policy-conflict = Somebody else has changed the policy meanwhile. Nothing of yours was saved.
policy-load = Show the policy as it is now
policy-idle_timeout = Idle timeout
policy-about-idle_timeout = How long a session lasts without activity, such as 30m. The service's own applies where it is shorter.
policy-absolute_timeout = Absolute timeout
policy-about-absolute_timeout = How long after its creation a session ends, such as 8h. The service's own applies where it is shorter.
policy-max_sessions = Limit of sessions
policy-about-max_sessions = How many sessions may be open at once. Sessions above a lower limit go on until their user signs in again.
policy-max_sessions-count = How many
policy-about-max_sessions-count = Suspended sessions count too.
policy-max_sessions-per = Counted together
policy-about-max_sessions-per = Sessions without an application count as one application.
policy-max_sessions-on_limit = At the limit
policy-about-max_sessions-on_limit = What a sign-in above the limit does.
policy-bind = Binding to where a session began
policy-about-bind = What happens if a session is used from elsewhere than where it was created. It applies from the next use on.
policy-bind-asn = Another network operator
policy-about-bind-asn = An address whose operator is not known is no other one.
policy-bind-country = Another country
policy-about-bind-country = An address whose country is not known is in no other one.
policy-value-off = nothing happens
policy-value-report = it is reported in the log of security events
policy-value-end = the session ends
policy-value-user = the sessions of a user
policy-value-user_app = those of a user in one application
policy-value-deny = the sign-in is refused
policy-value-end_oldest = the session that began first ends
policy-value-end_idlest = the session that was idle longest ends
policy-idle_timeout = Idle timeout
policy-about-idle_timeout = How long a session lasts without activity, such as 30m. The shorter of this and the service's own holds.
policy-absolute_timeout = Absolute timeout
policy-about-absolute_timeout = How long after its creation a session ends, such as 8h. The shorter of this and the service's own holds.

## My devices
account-lead = Where you are signed in. End what you do not know.
current = This device
signed-in-sessions = { $count ->
    [0] Signed out
    [one] Signed in
   *[other] { $count } sessions
}
last-used = Last used
end-device = Sign out
end-device-title = { $count ->
    [one] Sign out this device?
   *[other] End { $count } sessions on this device?
}
end-device-consequence = The device is signed out at once. To use it again, you sign in there.
end-current-consequence = This is the device you are using. You are signed out here.
end-others = Sign out everywhere else
end-others-title = { $count ->
    [one] End 1 other session?
   *[other] End { $count } other sessions?
}
end-others-consequence = Only the session you are using goes on. Every other device is signed out at once.
others-ended = You are signed out everywhere else
no-devices = You are signed in nowhere
devices-title = Signed in
rename = Rename
rename-device = Rename { $name }
new-name = Name of this device
save = Save
trusted-title = Trusted devices
trusted-lead = Devices on which you chose not to be asked for a second factor.
trusted-until = Trusted until
