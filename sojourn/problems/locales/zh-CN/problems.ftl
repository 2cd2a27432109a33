### Sojourn 对各类拒绝的说明（简体中文）。每个问题键都有标题、答复中的详情，以及说明页上的解释和处理办法。

validation_failed = 请求无效
    .detail = 请求有 { $count } 处不符合接口约定，详见 errors。
    .explanation = 某个参数、请求头或请求体不符合该操作的约定。errors 会一次列出所有问题，包括字段、所违反的规则和说明。
    .remedy = 请修正 errors 中列出的每个字段后重新发送；原样重发仍会被拒绝。

malformed_body = 请求体无法读取
    .detail = 请求体不是合格的 JSON，详见 errors。
    .explanation = 请求体无法按 UTF-8 编码的 JSON 读取：可能存在语法错误、成员重复、数字或嵌套超出限制，或含有文本中不允许的字符。
    .remedy = 请发送一个 UTF-8 编码的 JSON 值，每个成员只出现一次。errors 中的条目会指出读取中断的位置。

malformed_request = 请求存在歧义
    .detail = 请求可以有多种理解方式，详见 errors。
    .explanation = 请求中必须唯一的部分（例如凭据）被发送了多次。不同的程序可能有不同的理解，因此予以拒绝。
    .remedy = errors 中列出的每个请求头请只发送一次。

authentication_required = 需要身份认证
    .detail = 请求未携带该操作所需的凭据。
    .explanation = /internal 下的操作需要在 X-API-Key 中提供 API 密钥，其他操作需要在 Authorization 中提供 Bearer 令牌。
    .remedy = 请按答复中 WWW-Authenticate 头的提示提供凭据。

invalid_api_key = API 密钥无效
    .detail = 该 API 密钥不被接受。
    .explanation = X-API-Key 中的密钥未知、已吊销或已过期。具体原因不予透露。
    .remedy = 请确认密钥复制完整；若无误，请向运维人员申请新的密钥。

invalid_token = 令牌无效
    .detail = 该 Bearer 令牌不被接受。
    .explanation = 令牌的签名、算法、签发者、受众或声明不符合本服务的要求。具体原因不在响应中说明，只写入服务器日志。
    .remedy = 请重新登录并使用新令牌；若仍被拒绝，请核对签发方与本服务的配置。

token_expired = 令牌已过期
    .detail = 该 Bearer 令牌已过期。
    .explanation = 令牌曾经有效，但其有效期（exp）已过。
    .remedy = 请获取新令牌后重新发送请求。

insufficient_role = 角色权限不足
    .detail = 该操作需要以下角色之一：{ $roles }。
    .explanation = 您的身份已确认，但令牌中没有该操作所要求的任何角色。
    .remedy = 请使用具有该角色的账号，或向管理员申请。

insufficient_scope = 权限范围不足
    .detail = 该操作需要具有权限范围 { $scope } 的 API 密钥。
    .explanation = 该 API 密钥有效，但它是为其他用途签发的，不具有该操作所要求的权限范围。
    .remedy = 请使用具有该权限范围的密钥，或向密钥管理人员申请。

tenant_not_allowed = 不允许访问该租户
    .detail = 该 API 密钥不适用于此租户。
    .explanation = 该 API 密钥仅限于某些租户，而 X-Tenant-ID 中的租户不在其中。该租户是否存在不予透露。
    .remedy = 请使用适用于该租户的密钥，或更正 X-Tenant-ID。

not_your_resource = 无权访问该资源
    .detail = 该资源属于其他用户。
    .explanation = 用户只能查看和更改自己的资源；管理员可以查看本租户的全部资源。
    .remedy = 请使用您自己的资源，或联系管理员。

tenant_mismatch = 租户不一致
    .detail = 请求体中的租户与请求所属的租户不同。
    .explanation = 租户由凭据或 X-Tenant-ID 确定。请求体中若写了另一个租户则予以拒绝，以免写入错误的租户。
    .remedy = 请在两处填写相同的租户。

unsupported_grant = 不支持的授权类型
    .detail = 此处不支持该授权类型或令牌类型。
    .explanation = 该操作只提供访问令牌的交换（RFC 8693）。
    .remedy = 请将 grant_type 设为 urn:ietf:params:oauth:grant-type:token-exchange。

invalid_subject_token = 主体令牌无效
    .detail = 要交换的令牌不被接受。
    .explanation = 主体令牌并非由已知密钥签名，或已过期、已吊销，或其会话已结束。具体原因不予透露。
    .remedy = 请为该主体获取新的令牌后再交换。

invalid_logout_token = 登出令牌无效
    .detail = 该登出令牌被拒绝：{ $rule ->
        [form] 它不是紧凑形式的已签名 JWT（RFC 7515 第 7.1 节）。
        [alg] 其 alg 不是对该签发者所接受的算法，或为 none。
        [header] 其头部要求了本服务不支持的扩展（crit）。
        [typ] 其 typ 不是 logout+jwt。
        [signature] 它不是由该签发者的任何密钥签名的。
        [iss] 缺少 iss，或其签发者在此不受信任。
        [aud] 缺少 aud，或 aud 不是仅指本服务。
        [iat] 缺少 iat，或 iat 不是秒数，或在将来。
        [exp] 缺少 exp，或已过期。
        [nbf] nbf 不是秒数，或在将来。
        [jti] 缺少 jti，或 jti 不是文本。
        [events] events 不是含有成员 http://schemas.openid.net/event/backchannel-logout 且其值为 JSON 对象的 JSON 对象。
        [nonce] 它含有登出令牌不得含有的 nonce。
        [subject] 它既没有 sub 也没有 sid。
        [sub] sub 不是 1 到 255 个可打印字符的文本。
        [sid] sid 不是 1 到 255 个可打印字符的文本。
        [replayed] 此前已收到过具有该 jti 的登出令牌。
       *[tenant] 它指定的租户不可能存在。
    }
    .explanation = 会话在身份提供方结束时，身份提供方会发送登出令牌（OpenID Connect Back-Channel Logout 1.0）。该令牌违反了该标准第 2.4 或 2.6 节的规则，因此没有终止任何会话。详情说明了是哪条规则。
    .remedy = 请将身份提供方的设置与本服务的设置进行比较：签发者、密钥，以及列出登出令牌可以指定的客户端 id 的 SOJOURN_LOGOUT_AUDIENCE。因此前已收到而被拒绝的令牌已经起过作用。

invalid_security_event = 安全事件令牌无效
    .detail = 该安全事件令牌被拒绝：{ $rule ->
        [form] 它不是紧凑形式的已签名 JWT（RFC 7515 第 7.1 节）。
        [alg] 其 alg 不是对该签发者所接受的算法，或为 none。
        [header] 其头部要求了本服务不支持的扩展（crit）。
        [typ] 其 typ 不是 secevent+jwt。
        [signature] 它不是由该签发者的任何密钥签名的。
        [iss] 缺少 iss，或其签发者在此不受信任。
        [aud] 缺少 aud，或 aud 不是仅指本服务。
        [iat] 缺少 iat，或 iat 不是秒数、在将来或早于一周前。
        [exp] 它含有安全事件令牌不得含有的 exp。
        [sub] 它含有 sub；主体应写在 sub_id 中。
        [jti] 缺少 jti，或 jti 不是文本。
        [events] events 不是成员均为 JSON 对象的 JSON 对象，或为空。
        [subject] sub_id 既未指明用户也未指明会话：应为同一签发者的 iss_sub、opaque，或含 user 或 session 的 complex。
       *[tenant] 它指定的租户不可能存在。
    }
    .explanation = 会话或账户发生变化时，身份提供方会发送安全事件令牌（RFC 8935）。该令牌违反了 RFC 8417 或 RFC 8935 的规则，因此没有终止任何会话。详情说明了是哪条规则。
    .remedy = 请将身份提供方的设置与本服务的设置进行比较：签发者、密钥，以及列出令牌可以指定的受众的 SOJOURN_LOGOUT_AUDIENCE。

refresh_token_invalid = 刷新令牌无效
    .detail = 该刷新令牌不被接受。
    .explanation = 该刷新令牌不是本服务签发的，或已到期，或其会话已结束。具体原因不予透露。未作任何更改。
    .remedy = 请使用最新的刷新令牌；若仍被拒绝，请重新登录。

refresh_token_reused = 刷新令牌被重复使用
    .detail = 该刷新令牌此前已被使用，其会话已被终止。
    .explanation = 一个已被替换的刷新令牌再次出现，可能已被盗用，因此其所属会话及全部令牌均已终止。
    .remedy = 请重新登录。若经常发生，请检查是否有两个程序共用同一个刷新令牌。

role_not_allowed = 不允许指定角色
    .detail = 只有内部服务和管理员可以为会话指定角色。
    .explanation = 任何人都不能通过创建会话来提升自己的权限。
    .remedy = 请去掉 role，或联系管理员。

not_entitled_to_vouch = 无权证明
    .detail = { $reason ->
        [stale] 该令牌所证明的登录时间过久，或在将来：请发送身份提供方的新令牌。
        [spent] 该令牌已经证明过一次登录：请发送身份提供方的新令牌。
        [beyond] 该令牌不能证明 { $members }：请去掉这些内容。
        [one_factor] 该令牌不能证明多个因素：请发送能够证明的身份提供方令牌。
       *[own_token] 本服务的令牌只证明会话，不证明登录：请发送身份提供方的新令牌。
    } 也可以由为用户办理登录的服务使用其 API 密钥来证明。
    .explanation = 用户如何、何时、何地登录，由持有 API 密钥的服务、管理员，或身份提供方新令牌中的声明来证明，每个令牌只算一次。仅凭用户自己所说的会被拒绝，因此没有人能自行延长会话或提升其保证级别。
    .remedy = 让用户在身份提供方登录，并在允许的时间内发送该令牌；以其 amr、acr 和 auth_time 声明为准。或由完成登录的服务使用其 API 密钥调用 POST /internal/session/create，或调用 POST /internal/session/ 加会话 id 再加 /elevate。

sign_in_superseded = 登录已失效
    .detail = 在此次登录开始之后，该用户已被终止。未创建任何内容。
    .explanation = 在此请求进行期间，或在令牌所证明的登录之后，该用户的所有会话已被终止。终止用户也会终止之前的登录。
    .remedy = 如果该用户可以再次登录，请让其重新登录，并以新的登录重新开始。

first_tokens_issued = 首对令牌已签发
    .detail = 此会话的首对令牌此前已签发。本次未签发任何内容。
    .explanation = 每个会话只有一对首次令牌：创建会话的响应中包含它；对于导入的会话，则在此操作的首次响应中。再次请求不会让第二个客户端获得令牌。
    .remedy = 请使用首对令牌中的刷新令牌。如果令牌已丢失，请调用 generate_tokens：它会重新开始，之前的刷新令牌将被拒绝。

cursor_expired = 游标已过期
    .detail = 此游标之后的事件已不再保留，或者该游标属于另一个数据库。
    .explanation = 事件只保留一段时间，而恢复后的数据库会开始新的顺序。若从此游标继续，将会遗漏事件而不作任何提示。
    .remedy = 请重新读取您的服务需要了解的内容，例如哪些会话处于活动状态。然后从仍保留的最早事件开始跟踪：不要带 "after"。

plan_drifted = 计划已偏离
    .detail = 现在有 { $sessions } 个会话符合该计划，而最多只允许结束 { $max_sessions } 个。没有任何会话被结束。
    .explanation = 在制定计划与执行计划之间，有会话新建或发生了变化，因此符合条件的会话多于请求所允许的数量。计划结束的会话绝不会多于已获同意的数量。
    .remedy = 请通过新的计划或会话列表查看新增的会话。若要全部结束，请将 max_sessions 设为新的数量后再执行该计划。

plan_expired = 计划已过期
    .detail = 该计划太旧，无法执行。
    .explanation = 计划的有效期为一小时，因为其统计结果可能已不再准确。没有任何会话被结束。
    .remedy = 请用相同的筛选条件制定新的计划，查看其数量，然后执行新的计划。

plan_not_found = 计划不存在
    .detail = 该租户没有这个计划。
    .explanation = 调用方的租户中没有使用此 ID 的计划。它可能属于其他租户，或因制定时间过久而不再保留。
    .remedy = 请使用制定计划时响应中的 ID。

revocation_not_found = 撤销不存在
    .detail = 该租户没有这个撤销。
    .explanation = 调用方的租户中没有以此 ID 执行过的计划，或因时间过久而不再保留。
    .remedy = 请使用执行计划时响应中的 ID。

tenant_limit_reached = 已达到租户数量上限
    .detail = 已有 { $limit } 个租户，首次使用时不再自动创建。如仍需创建，请运行：sojourn tenant create { $tenant }
    .explanation = 租户由首个指明它的写入操作创建，直到数量达到设置 SOJOURN_MAX_TENANTS 的上限。未创建任何内容。已有的租户照常提供服务。
    .remedy = 请检查租户的拼写。如果是新租户，请由运维人员使用 `sojourn tenant create` 创建，或调高 SOJOURN_MAX_TENANTS。

session_limit_reached = 已达到会话数量上限
    .detail = 该租户最多允许同时有 { $limit } 个会话，目前已有这么多未结束的会话。未创建任何内容。
    .explanation = 租户的策略限制一个用户同时可有多少个会话，可按用户合计，也可按每个应用分别计算。已暂停的会话也计算在内。达到上限时，如果策略规定拒绝，或者唯一可为此结束的会话是调用方自己的会话，就不会再开始新的会话。没有任何会话被结束，此次登录也没有因其他原因被拒绝。
    .remedy = 请让用户结束不再需要的会话，然后重复该请求。管理员可以通过 PUT /admin/policies/sessions 调高上限，或允许新会话结束较早的会话。

tenant_exists = 租户已存在
    .detail = 该租户已经存在。
    .explanation = 租户只创建一次，可手动创建，也可由首个指明它的写入操作创建。该租户此前已存在，保持不变。
    .remedy = 可视为已创建并继续，或选择其他编号。

precondition_failed = 前提条件不满足
    .detail = 在您读取之后，该内容已被更改。此次未做任何更改。
    .explanation = If-Match 指明您所读取内容的 ETag，而现在的内容已有另一个 ETag：其间有人更改了它，或者它被使用过或已结束。您的更改未执行，以免覆盖他人的更改。
    .remedy = 请重新读取，确认您的更改是否仍然正确，然后以新的 ETag 发送。

idempotency_key_reused = 幂等键重复使用
    .detail = 该 Idempotency-Key 此前已用于另一个请求。未执行任何操作。
    .explanation = 一个键只代表同一调用方的一个请求，即其操作、参数和请求体。该键在过去 24 小时内已用于不同的请求。如果服务的密钥已更换，导致为该键保存的响应无法再读取，也会返回此问题。
    .remedy = 每个新操作请使用新的键，例如随机 UUID；仅在重发同一请求时使用同一个键。

token_not_found = 令牌不存在
    .detail = 没有这个令牌。
    .explanation = 该租户没有此编号的令牌，或令牌年代久远已被清除。
    .remedy = 请从令牌列表中获取编号。

device_not_found = 设备不存在
    .detail = 没有这个设备。
    .explanation = 该租户的会话和受信任设备中都没有此设备编号。
    .remedy = 请从会话列表或受信任设备列表中获取编号。

blacklist_entry_not_found = 黑名单条目不存在
    .detail = 没有这个条目。
    .explanation = 该租户的黑名单中没有此编号的条目。
    .remedy = 请从黑名单列表中获取编号。

webhook_limit_reached = 已达到 Webhook 数量上限
    .detail = 该租户已有 { $limit } 个 Webhook，不能再增加。
    .explanation = 每个租户的 Webhook 数量以设置 SOJOURN_MAX_WEBHOOKS 为上限，已停用的和登出客户端也计算在内。未创建任何内容。
    .remedy = 请删除不再需要的 Webhook，或请运维人员调高 SOJOURN_MAX_WEBHOOKS。

webhook_not_found = Webhook 不存在
    .detail = 该租户没有这个 Webhook。
    .explanation = 调用方租户的 Webhook 中没有此编号。它可能已被删除，或属于另一个租户。
    .remedy = 请从 Webhook 列表中获取编号。

delivery_not_found = 投递不存在
    .detail = 该 Webhook 没有这次投递。
    .explanation = 该 Webhook 从未需要发送此编号的事件，或该事件已不再保存。
    .remedy = 请从投递列表中获取编号。如需重发 Webhook 更改之前的事件，请指定一段时间。

api_key_not_found = API 密钥不存在
    .detail = 没有这个 API 密钥。
    .explanation = 调用方的密钥可管理的 API 密钥中没有此编号。仅限于某些租户的密钥只能管理这些租户的密钥；已吊销或已过期的密钥不能轮换。
    .remedy = 请从 API 密钥列表中获取编号。

rate_limited = 请求过于频繁
    .detail = 此类请求过于频繁，请在 { $retry_after } 秒后重试。
    .explanation = 该操作的调用次数超过了限制。未作任何更改，凭据也没有被消耗。
    .remedy = 请按 Retry-After 头给出的时间等待后重新发送请求。

route_not_found = 路径不存在
    .detail = 此路径没有提供任何操作。
    .explanation = 该路径与接口约定中的任何操作都不匹配。末尾多一个斜杠、大小写不同或出现空段，都算作另一个路径。
    .remedy = 请对照 /openapi.json 中的接口约定检查路径。

session_not_found = 会话不存在
    .detail = 没有这个会话。
    .explanation = 您的租户中没有此 ID 的会话，或者会话已经结束而该操作需要有效的会话。
    .remedy = 请检查会话 ID；若会话已结束，用户需要重新登录。

tenant_not_found = 租户不存在
    .detail = 该租户不存在。
    .explanation = 令牌或 X-Tenant-ID 所指的租户在此处未知：它可能还没有任何数据，或者本服务器的租户需要手动创建。
    .remedy = 请检查租户 ID，或请运维人员创建该租户。

page_file_not_found = 文件不存在
    .detail = 本服务的这一版本没有该页面文件。
    .explanation = 控制台的文件位于某一版本的哈希之下。发出请求的页面属于另一版本，或地址已被改动。
    .remedy = 请重新加载页面。若在您自己的页面中使用，请在地址中以 `current` 代替哈希。

status_list_not_found = 状态列表不存在
    .detail = 没有此标识的状态列表。
    .explanation = 该标识不属于本服务的任何状态列表，或者引用该列表的令牌均已过期，列表已不再需要。
    .remedy = 请使用访问令牌的 `status` 声明中的地址，或 /status-lists 中的地址。

logout_client_not_found = 登出客户端不存在
    .detail = 该租户没有这个登出客户端。
    .explanation = 调用方租户中没有以此客户端编号注册接收登出令牌的应用。它可能已被删除，或属于另一个租户。
    .remedy = 请从登出客户端列表中获取客户端编号。

logout_client_exists = 登出客户端已存在
    .detail = 该租户已有此编号的登出客户端。
    .explanation = 已有应用以此客户端编号注册接收登出令牌。未作任何更改。
    .remedy = 请修改已有的登出客户端，或选择其他客户端编号。

metadata_not_found = 没有元数据
    .detail = 本服务没有公开 URL，因此没有元数据。
    .explanation = OAuth 元数据由服务公开 URL 之下的地址组成，而运维人员尚未设置该 URL。
    .remedy = 请将各表单的地址写入客户端的设置，或请运维人员设置 SOJOURN_PUBLIC_URL。

problem_type_not_found = 问题类型不存在
    .detail = 没有此名称的问题类型。
    .explanation = 路径的最后一段不是本服务任何问题类型的名称。
    .remedy = 请在 /problems 查看全部问题类型。

method_not_allowed = 不支持该方法
    .detail = 此路径仅支持：{ $allow }。
    .explanation = 路径存在，但不支持此方法。本服务不提供 HEAD 和 OPTIONS。
    .remedy = 请使用答复中 Allow 头列出的方法。

not_acceptable = 无法提供所要求的格式
    .detail = 该操作只能以下列格式答复：{ $offers }。
    .explanation = Accept 头排除了该操作能够提供的所有媒体类型。
    .remedy = 请去掉 Accept 头，或加入详情中列出的某种媒体类型。

request_timeout = 请求超时
    .detail = 请求体未能及时送达。
    .explanation = 请求头已收到，但请求体未在规定时间内接收完整。
    .remedy = 请重新发送请求；若经常发生，请检查网络或减小请求体。

content_too_large = 请求体过大
    .detail = 请求体超过 { $limit } 字节。
    .explanation = 请求体超出本服务器的限制，未读取完毕。
    .remedy = 请减少单次请求发送的内容。

uri_too_long = URI 过长
    .detail = 路径与查询字符串合计超过 { $limit } 字节。
    .explanation = 请求行超出本服务器的限制。
    .remedy = 请缩短路径和查询字符串。

unsupported_media_type = 不支持的媒体类型
    .detail = 请求体必须是 UTF-8 编码、未经压缩的 { $accepted }。
    .explanation = 缺少 Content-Type，或其类型不是 UTF-8 编码的 JSON，或使用了 Content-Encoding。
    .remedy = 请以 Content-Type: application/json 发送未压缩的 JSON。

headers_too_large = 请求头过大
    .detail = 请求头合计超过 { $limit } 字节。
    .explanation = 请求头部分超出本服务器的限制。
    .remedy = 请减少或缩短请求头；本服务不使用 Cookie，可以不发送。

internal = 内部错误
    .detail = 服务端发生错误。
    .explanation = 服务器遇到了意料之外的情况。请求本身没有问题，其内容也未被保留。
    .remedy = 请稍后重试；若持续出现，请将 request_id 告知运维人员。

transfer_coding_unknown = 未知的传输编码
    .detail = 此处只支持 chunked 传输编码。
    .explanation = 请求的 Transfer-Encoding 不是 chunked，因此无法读取请求体。
    .remedy = 请使用 Content-Length 或 Transfer-Encoding: chunked 发送请求体。

unavailable = 服务暂时不可用
    .detail = 服务目前无法答复，请在 { $retry_after } 秒后重试。
    .explanation = 本服务所依赖的组件没有响应或负载过高。请求的内容未被保留。
    .remedy = 请在 Retry-After 头给出的时间之后重新发送请求。

version_not_supported = 不支持的 HTTP 版本
    .detail = 请求必须使用 HTTP/1.1 或 HTTP/1.0。
    .explanation = 请求行使用了其他 HTTP 版本，或没有写明版本。
    .remedy = 请使用 HTTP/1.1 发送请求。

## 请求可能违反的每条规则各有一句说明。

violation-required = 此项必填。
violation-type = 类型必须是 { $type }。
violation-format = 不是有效的 { $format } 格式。
violation-pattern = 不匹配模式 { $pattern }。
violation-min_length = 长度至少为 { $limit } 个字符。
violation-max_length = 长度最多为 { $limit } 个字符。
violation-minimum = 不得小于 { $limit }。
violation-maximum = 不得大于 { $limit }。
violation-multiple_of = 必须是 { $limit } 的倍数。
violation-enum = 必须是以下值之一：{ $allowed }。
violation-any_of = 不符合任何一种允许的形式：{ $allowed }。
violation-min_items = 至少需要 { $limit } 项。
violation-max_items = 最多允许 { $limit } 项。
violation-min_properties = 至少需要 { $limit } 个成员。
violation-max_properties = 最多允许 { $limit } 个成员。
violation-unique_items = 各项不得重复。
violation-unknown_property = 请求体中没有此名称的成员。
violation-unknown_parameter = 该操作没有此名称的参数。
violation-repeated_parameter = 此项只能发送一次。
violation-not_together = 此项不能与 { $other } 同时发送。
violation-foreign_cursor = 这不是此列表的游标：它属于其他租户、其他筛选条件或其他排序。请去掉它重新开始。
violation-before = 此值必须早于 { $other }。
violation-too_many_points = 共有 { $points } 个时间步，而一次响应最多显示 { $limit } 个。请选择更长的时间步或更晚的起点。
violation-repeated_property = 该成员重复出现。
violation-encoding = 不是有效的 UTF-8，或百分号编码有误。
violation-control_character = 含有 NUL 字符或不成对的代理项。
violation-json_depth = 请求体嵌套超过 { $limit } 层。
violation-json_number = 某个数字超过 { $limit } 个字符或数值过大。
violation-json_constant = { $name } 不是 JSON 值。
violation-json_syntax = JSON 文本在第 { $line } 行第 { $column } 列出现错误。
violation-http_syntax = 发送的内容不是有效的 HTTP/1.1 请求。
violation-http_host = 请求必须恰好有一个 Host 头，其值为主机名，可带端口。
violation-http_target = 请求行必须包含路径，可带查询字符串，但不能带片段。
violation-no_current_session = 该 Bearer 令牌不属于调用者的任何会话。
violation-not_beside = 这不能与 { $other } 同时提供。
violation-webhook_url = 这不是由主机名或常规形式的地址构成、且不含用户信息和片段的 URL。
violation-webhook_https = 这必须是 https URL。服务的运维人员可以另外允许某个主机或网络。
violation-webhook_address = 这指向非公网地址。服务的运维人员可以另外允许某个主机或网络。
violation-body_not_allowed = 该操作不接受请求体。

## 问题类型页面的用语。

page-index-title = 问题类型
page-index-lead = 本服务的每次拒绝都以问题文档（RFC 9457）答复，其 type 指向下列页面之一。
page-status = 状态码
page-code = 业务代码
page-key = 翻译键
page-meaning = 含义
page-remedy = 处理办法
page-example = 示例
page-all = 全部问题类型
page-language = 简体中文
page-reference = API 参考
page-no-script = 此参考页需要 JavaScript。没有时请阅读：
page-skip = 跳到正文
page-front-title = 会话服务
page-front-lead = 会话服务：每个租户中，谁在哪台设备上、持有哪些令牌登录。
page-place-reference = API 参考
page-place-reference-about = 全部接口，可阅读、搜索和试用。请从这里开始。
page-place-contract = 接口契约
page-place-contract-about = 供程序使用：本服务遵守的 OpenAPI 文档。
page-place-problems = 问题类型
page-place-problems-about = 每一种拒绝：含义与处理办法。
page-place-health = 健康状态
page-place-health-about = 服务此刻能否工作。
