// Made by scripts/generate_console_api.py from the interface description. Do not edit.
export type AcceptOffer = { request_id: string; version: number | null };
export type AddAttachment = { request_id: string; file_name: string; media_type: string; content: string };
export type AnswerableOut = { item_code: string; suppliers: AnswerableParty[]; stewards: AnswerableParty[]; users: AnswerableParty[] };
export type AnswerableParty = { unit_id: string; name_zh: string; name_en: string; duty_zh: string; duty_en: string; people: string[] };
export type ApiKeyCreated = { key_id: string; person_id: string; label: string; hint: string; created_at: string; seen_at: string; expires_at: string; revoked_at: string | null; api_key: string };
export type ApiKeyOut = { key_id: string; person_id: string; label: string; hint: string; created_at: string; seen_at: string; expires_at: string; revoked_at: string | null };
export type ApproveRequest = { request_id: string; version: number | null; opinion: string; reason_code: string; items: ItemAsk[] | null; clients: string[] | null; masked: boolean | null; row_cap: number | null; uses: ("view" | "api" | "verify" | "export")[] | null; term_days: number | null; use_limit: number | null; rate_per_hour: number | null };
export type AttachmentContent = { attachment_id: string; file_name: string; media_type: string; digest: string; added_by: string; added_at: string; content: string };
export type AttachmentOut = { attachment_id: string; file_name: string; media_type: string; digest: string; added_by: string; added_at: string };
export type BarrierId = { barrier_id: string };
export type BarrierOut = { barrier_id: string; kind: "suppression" | "watch" | "restricted" | "quiet" | "crossing"; client_id: string; person_id: string; project: string; reason: string; state: "proposed" | "active" | "ended" | "rejected"; not_before: string; not_after: string; proposed_by: string; confirmed_by: string | null; created_at: string };
export type CardPage = { items: ClientCard[]; next: string | null; decision_id: string };
export type CatalogueAnswerable = { item_code: string };
export type CataloguePage = { items: ItemOut[]; next: string | null; version: number; scheme: string };
export type ChangeOut = { change_id: string; item_code: string; state: "proposed" | "applied" | "rejected" | "withdrawn"; base_version: number; changed: string[]; before: ItemOut | null; after: ItemOut | null; reason: string; proposed_by: string; proposed_by_name: string; decided_by: string | null; proposed_at: string; decided_at: string | null; entry_id: string | null; receipt: string | null };
export type ChangePerson = { person_id: string; name: string | null; email: string | null; staff_no: string | null; roles: ("requester" | "dept_head" | "lead_rm" | "data_owner" | "data_steward" | "ops" | "compliance" | "cco" | "pi_officer" | "auditor" | "key_custodian" | "sysadmin" | "partner_user" | "partner_admin" | "enterprise_rep" | "regulator")[] | null; clearance: number | null; side: "private" | "public" | "control" | "none" | null; trained_until: string | null; locale: "zh" | "en" | null };
export type ChangeRequest = { items: ItemAsk[]; purpose: string; reason: string; scenario: string; scope: Scope; row_cap: number; uses: ("view" | "api" | "verify" | "export")[]; term_days: number; use_limit: number | null; rate_per_hour: number | null; grantee: "person" | "unit"; legal_basis: string; consents: string[]; project_ref: string; crossing_ref: string; assessment_ref: string; safety_officer: string; pledge: boolean; masked: boolean; request_id: string; version: number };
export type ClientCard = { client_id: string; name: string; uscc: string; lead_unit: string | null; lead_unit_name: string | null; lead_rm: string | null; recognition: string; recognised_on: string | null; protected_from: string | null; protected_to: string | null };
export type ClientKeyOut = { person_id: string; kid: string; algorithm: string; created_at: string; revoked_at: string | null };
export type ClientRegistered = { state: "registered" | "known" | "pending"; client_id: string | null; warnings: string[] };
export type ClientView = { card: ClientCard; holdings: Holding[]; decision_id: string };
export type ConfirmTotp = { totp: string };
export type ConsentOut = { consent_id: string; kind: "general" | "separate" | "written" | "enterprise_authorisation"; client_id: string; record_id: string | null; receiver: string; purpose: string; items: string[]; notice_version: string; evidence_hash: string; not_before: string; not_after: string; withdrawn_at: string | null; state: "valid" | "future" | "ended" | "withdrawn"; registered_by: string; created_at: string; grants_ended: number };
export type CorrectRecord = { record_id: string; values: Record<string, string>; reason: string };
export type CountersignItemChange = { change_id: string };
export type CreateApiKey = { person_id: string | null; label: string; days: number };
export type CreateInstitution = { institution_id: string | null; kind: "firm" | "park" | "government" | "equity_market" | "bank" | "guarantor" | "insurer" | "lessor" | "intermediary"; name_zh: string; name_en: string; uscc: string | null };
export type CreatePerson = { login: string; name: string; unit_id: string; roles: ("requester" | "dept_head" | "lead_rm" | "data_owner" | "data_steward" | "ops" | "compliance" | "cco" | "pi_officer" | "auditor" | "key_custodian" | "sysadmin" | "partner_user" | "partner_admin" | "enterprise_rep" | "regulator")[]; email: string | null; staff_no: string | null; side: "private" | "public" | "control" | "none" | null; clearance: number; trained_until: string; locale: "zh" | "en"; with_token: boolean };
export type CreateRequest = { items: ItemAsk[]; purpose: string; reason: string; scenario: string; scope: Scope; row_cap: number; uses: ("view" | "api" | "verify" | "export")[]; term_days: number; use_limit: number | null; rate_per_hour: number | null; grantee: "person" | "unit"; legal_basis: string; consents: string[]; project_ref: string; crossing_ref: string; assessment_ref: string; safety_officer: string; pledge: boolean; masked: boolean };
export type CreateServiceAccount = { login: string; name: string; unit_id: string; roles: ("requester" | "dept_head" | "lead_rm" | "data_owner" | "data_steward" | "ops" | "compliance" | "cco" | "pi_officer" | "auditor" | "key_custodian" | "sysadmin" | "partner_user" | "partner_admin" | "enterprise_rep" | "regulator")[]; side: "private" | "public" | "control" | "none" | null; clearance: number; trained_until: string };
export type CreateUnit = { unit_id: string | null; institution_id: string; name_zh: string; name_en: string; side: "private" | "public" | "control" | "none" };
export type DeclineOffer = { request_id: string; version: number | null; reason: string };
export type DelegateStep = { request_id: string; version: number | null; person_id: string; reason: string };
export type Disclose = { record_id: string; purpose: string; fields: string[] | null };
export type Disclosure = { record: RecordOut; withheld: Withheld[]; decision_id: string; grant_id: string | null; obligations: string[]; uses_left: number | null };
export type Done = { id: string; state: string };
export type DownloadTemplate = { kind: string; format: "csv" | "xlsx" };
export type EndorseRequest = { request_id: string; version: number | null; opinion: string };
export type EnterRecord = { client_id: string; field_group: string; values: Record<string, string>; duplicate_ok: boolean };
export type ErasureOut = { order_id: string; target: string; field_group: string; owner_unit: string; basis: string; reason: string; state: "proposed" | "active" | "restricted" | "done" | "final"; retain_until: string | null; retention: string[]; records: number; due_at: string | null; keys_waiting: string[]; roots_waiting: number[]; proposed_by: string; confirmed_by: string | null; created_at: string; confirmed_at: string | null; done_at: string | null; entry_id: string | null };
export type ErasureReceipt = { order_id: string; entry_id: string; kind: string; receipt: string };
export type EventOut = { event_id: string; at: string; actor: string; actor_name: string; actor_unit: string; on_behalf_of: string; action: string; target_kind: string; target_id: string; client_id: string; items: string[]; fields: string[]; record_count: number | null; purpose: string; grant_id: string; outcome: string; rule: string; reason: string; policy_epoch: string; source: string; channel: string; read_id: string; details: Record<string, string | number | boolean>; stream_id: string; seq: number; log_index: number | null };
export type ExplainAccess = { record_id: string; person_id: string; purpose: string; action: "read" | "verify" | "export"; channel: "console" | "cli" | "api" | "job"; fields: string[] | null };
export type ExplainedFields = { fields: string[]; effect: "allow" | "deny"; reason: string; zh: string; en: string; how_zh: string; how_en: string; grant_id: string; rule: string; rules: RuleReportOut[] };
export type ExplanationOut = { epoch: string; person_id: string; record_id: string; decisions: ExplainedFields[] };
export type Export = { field_group: string; purpose: string; fields: string[] | null; client_id: string | null; park_id: string | null; format: "csv" | "xlsx"; reason: string };
export type ExportEvidence = { actor: string; client_id: string; grant_id: string; item: string; action: string; since: string | null; until: string | null };
export type FieldOut = { name: string; zh: string; en: string; kind: string };
export type FinishOidc = { state: string; code: string; error: string; iss: string };
export type GetAttachment = { request_id: string; attachment_id: string };
export type GetClient = { client_id: string };
export type GetGrant = { grant_id: string };
export type GetItem = { item_code: string };
export type GetPerson = { person_id: string };
export type GetRequest = { request_id: string };
export type GetUpload = { upload_id: string };
export type GrantMoved = { grant_id: string; request_id: string; state: "active" | "expired" | "revoked" | "superseded"; grantee_unit: string; grantee_unit_zh: string; grantee_unit_en: string; grantee_person: string | null; grantee_name: string | null; grantors: string[]; items: ItemGrantOut[]; scope: ScopeOut; purpose: string; purpose_zh: string; purpose_en: string; uses: ("view" | "api" | "verify" | "export")[]; not_before: string; not_after: string; row_cap: number; masked: boolean; use_limit: number | null; use_count: number; rate_per_hour: number | null; obligations: string[]; terms_hash: string; policy_epoch: string; catalogue_version: number; entry_id: string; renewals: number; renewable: boolean; last_used_at: string | null; revoked_at: string | null; revoked_reason: string | null; created_at: string; acts: string[]; receipt: string | null; renewal_asked: boolean };
export type GrantOut = { grant_id: string; request_id: string; state: "active" | "expired" | "revoked" | "superseded"; grantee_unit: string; grantee_unit_zh: string; grantee_unit_en: string; grantee_person: string | null; grantee_name: string | null; grantors: string[]; items: ItemGrantOut[]; scope: ScopeOut; purpose: string; purpose_zh: string; purpose_en: string; uses: ("view" | "api" | "verify" | "export")[]; not_before: string; not_after: string; row_cap: number; masked: boolean; use_limit: number | null; use_count: number; rate_per_hour: number | null; obligations: string[]; terms_hash: string; policy_epoch: string; catalogue_version: number; entry_id: string; renewals: number; renewable: boolean; last_used_at: string | null; revoked_at: string | null; revoked_reason: string | null; created_at: string; acts: string[] };
export type GrantReceipt = { grant_id: string };
export type GrantsAboutToExpire = { after: string | null; limit: number; days: number };
export type GroupOut = { group: string; zh: string; en: string; isolated: boolean; items: number; modes: string[]; levels: string[] };
export type Heads = { grants: string; trail: string; grants_size: number; trail_size: number; vkeys: string[]; trust: string };
export type Holding = { field_group: string; owner_unit: string; owner_name: string; mode: string; level: number; items: string[]; access: "own" | "open" | "granted" | "apply" | "never"; grant_id: string | null; not_after: string | null };
export type ImportCatalogue = { content: string; dry_run: boolean; reason: string };
export type ImportOut = { items: number; added: string[]; changed: string[]; waiting: string[]; unchanged: number; version: number; dry_run: boolean };
export type InstitutionOut = { institution_id: string; kind: "firm" | "park" | "government" | "equity_market" | "bank" | "guarantor" | "insurer" | "lessor" | "intermediary"; name_zh: string; name_en: string; uscc: string | null; state: "applied" | "live" | "suspended" | "exited"; created_at: string };
export type IssueToken = { grant_type: "client_credentials"; client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"; client_assertion: string };
export type ItemAsk = { item_code: string; fields?: string[] };
export type ItemGrantOut = { item_code: string; name_zh: string; name_en: string; group: string; level: string; owner_unit: string; fields: string[] };
export type ItemHistory = { after: string | null; limit: number; item_code: string };
export type ItemOut = { code: string; name_zh: string; name_en: string; owner_unit: string; owner_zh: string; owner_en: string; steward: string; group: string; level: string; mode: "catalogue_open" | "approval_gated" | "mandatory_name_share" | "not_shared"; personal: boolean; sensitive: boolean; discoverable: boolean; readable: boolean; organisations_only: boolean; allowed_purposes: string[]; legal_basis: string; retention: string; source: string; version: number; fields: FieldOut[]; max_term_days: number | null; waiting_change: boolean };
export type ItemVerdict = { item_code: string; verdict: "compatible" | "review" | "prohibited" | "not-shared" | "no-request-needed"; rule: string; zh: string; en: string; held_by: string | null };
export type ItemVersionOut = { version: number; item: ItemOut; changed: string[]; changed_by: string; countersigned_by: string | null; entry_id: string | null; changed_at: string };
export type KeyOrderOut = { order_id: string; act: "rotation" | "destruction"; target: string; reason: string; state: "proposed" | "active" | "restricted" | "done" | "final"; left: number | null; proposed_by: string; confirmed_by: string | null; created_at: string; confirmed_at: string | null; done_at: string | null; entry_id: string | null };
export type KeyOut = { key_id: string; owner: string; compartment: string; use: string; version: number; suite: string; state: string; provider: string; root_version: number; uses: number; age_days: number; left: number | null; due: "" | "age" | "uses" | "suite"; created_at: string; activated_at: string | null; retired_at: string | null; destroyed_at: string | null };
export type KeyStatus = { provider: string; healthy: boolean; problem: string; root_versions: number[]; suite: string; keys: Record<string, number>; due: string[]; rewrapping: Record<string, number>; shreds_waiting: number };
export type LeavePerson = { person_id: string; reason: string };
export type LinkIdentity = { person_id: string; subject: string; issuer: string | null };
export type ListApiKeys = { after: string | null; limit: number; person_id: string | null };
export type ListBarriers = { after: string | null; limit: number; client_id: string; state: "proposed" | "active" | "ended" | "rejected" | "" };
export type ListClientKeys = { person_id: string };
export type ListConsents = { after: string | null; limit: number; client: string; record_id: string; receiver: string; state: "valid" | "future" | "ended" | "withdrawn" | null };
export type ListGrants = { after: string | null; limit: number; view: "held" | "given" | "all"; state: "active" | "expired" | "revoked" | "superseded" | null; item_code: string; client: string; purpose: string };
export type ListInstitutions = { after: string | null; limit: number; kind: "firm" | "park" | "government" | "equity_market" | "bank" | "guarantor" | "insurer" | "lessor" | "intermediary" | null };
export type ListItemChanges = { after: string | null; limit: number; state: "proposed" | "applied" | "rejected" | "withdrawn" | null; item_code: string };
export type ListKeys = { after: string | null; limit: number; compartment: string; state: "" | "pending" | "active" | "decrypt_only" | "destroyed" };
export type ListNotices = { after: string | null; limit: number; unread: boolean };
export type ListOrders = { after: string | null; limit: number; state: "proposed" | "active" | "restricted" | "done" | "final" | "" };
export type ListPeople = { after: string | null; limit: number; institution_id: string | null; unit_id: string | null; role: "requester" | "dept_head" | "lead_rm" | "data_owner" | "data_steward" | "ops" | "compliance" | "cco" | "pi_officer" | "auditor" | "key_custodian" | "sysadmin" | "partner_user" | "partner_admin" | "enterprise_rep" | "regulator" | null; state: "active" | "suspended" | "left" | null; kind: "person" | "service" | null };
export type ListRequests = { after: string | null; limit: number; view: "mine" | "inbox" | "unit" | "owned" | "all"; state: "draft" | "submitted" | "dept_review" | "owner_review" | "compliance_review" | "cco_review" | "pi_review" | "offered" | "returned" | "approved" | "rejected" | "withdrawn" | "timed_out" | null; purpose: string };
export type ListRules = { kind: "data_access" | "workflow" | "" };
export type ListSessions = { after: string | null; limit: number; person_id: string | null };
export type ListUnits = { after: string | null; limit: number; institution_id: string | null };
export type MembershipOut = { entry_id: string; roles: string[]; unit_id: string; changed_by: string; at: string };
export type MembershipsOf = { person_id: string };
export type Need = { code: string; field: string; zh: string; en: string; blocking: boolean };
export type Nothing = Record<string, never>;
export type NoticeOut = { notice_id: string; kind: string; subject_kind: string; subject_id: string; title_zh: string; title_en: string; text_zh: string; text_en: string; created_at: string; read_at: string | null };
export type NoticePage = { items: NoticeOut[]; next: string | null; unread: number };
export type OidcSignedIn = { person: PersonOut; institution_kind: string; csrf_token: string; must: "" | "change-password" | "enrol-totp"; expires_at: string | null; return_to: string };
export type OidcStarted = { authorization_url: string };
export type OneTimeOut = { person_id: string; one_time_token: string; expires_at: string };
export type OrderId = { order_id: string };
export type Page_ApiKeyOut_ = { items: ApiKeyOut[]; next: string | null };
export type Page_BarrierOut_ = { items: BarrierOut[]; next: string | null };
export type Page_ChangeOut_ = { items: ChangeOut[]; next: string | null };
export type Page_ClientKeyOut_ = { items: ClientKeyOut[]; next: string | null };
export type Page_ConsentOut_ = { items: ConsentOut[]; next: string | null };
export type Page_ErasureOut_ = { items: ErasureOut[]; next: string | null };
export type Page_EventOut_ = { items: EventOut[]; next: string | null };
export type Page_GrantOut_ = { items: GrantOut[]; next: string | null };
export type Page_GroupOut_ = { items: GroupOut[]; next: string | null };
export type Page_InstitutionOut_ = { items: InstitutionOut[]; next: string | null };
export type Page_ItemVersionOut_ = { items: ItemVersionOut[]; next: string | null };
export type Page_KeyOrderOut_ = { items: KeyOrderOut[]; next: string | null };
export type Page_KeyOut_ = { items: KeyOut[]; next: string | null };
export type Page_MembershipOut_ = { items: MembershipOut[]; next: string | null };
export type Page_PersonOut_ = { items: PersonOut[]; next: string | null };
export type Page_PurposeOut_ = { items: PurposeOut[]; next: string | null };
export type Page_ReadableOut_ = { items: ReadableOut[]; next: string | null };
export type Page_ReaderOut_ = { items: ReaderOut[]; next: string | null };
export type Page_ReadershipOut_ = { items: ReadershipOut[]; next: string | null };
export type Page_RefusalReasonOut_ = { items: RefusalReasonOut[]; next: string | null };
export type Page_RequestSummary_ = { items: RequestSummary[]; next: string | null };
export type Page_SessionListed_ = { items: SessionListed[]; next: string | null };
export type Page_TimelineEntry_ = { items: TimelineEntry[]; next: string | null };
export type Page_UnitOut_ = { items: UnitOut[]; next: string | null };
export type Page_UploadOut_ = { items: UploadOut[]; next: string | null };
export type Page_WebhookOut_ = { items: WebhookOut[]; next: string | null };
export type Paged = { after: string | null; limit: number };
export type PersonCreated = { person_id: string; kind: "person" | "service"; login: string; name: string; email: string | null; staff_no: string | null; unit_id: string; institution_id: string; roles: string[]; side: "private" | "public" | "control" | "none"; clearance: number; trained_until: string; state: "active" | "suspended" | "left"; locale: string; created_at: string; updated_at: string; one_time_token: string | null; token_expires_at: string | null };
export type PersonOut = { person_id: string; kind: "person" | "service"; login: string; name: string; email: string | null; staff_no: string | null; unit_id: string; institution_id: string; roles: string[]; side: "private" | "public" | "control" | "none"; clearance: number; trained_until: string; state: "active" | "suspended" | "left"; locale: string; created_at: string; updated_at: string };
export type PreviewOut = { steps: PreviewStep[]; due_at: string | null; calendar_warning: boolean; level: string; personal: boolean; partner: boolean; max_term_days: number; items: ItemVerdict[]; needs: Need[] };
export type PreviewRequest = { items: ItemAsk[]; purpose: string; reason: string; scenario: string; scope: Scope; row_cap: number; uses: ("view" | "api" | "verify" | "export")[]; term_days: number; use_limit: number | null; rate_per_hour: number | null; grantee: "person" | "unit"; legal_basis: string; consents: string[]; project_ref: string; crossing_ref: string; assessment_ref: string; safety_officer: string; pledge: boolean; masked: boolean };
export type PreviewStep = { role: string; unit_id: string; unit_zh: string; unit_en: string; working_days: number; due_at: string | null };
export type Problem = { type: string; title: string; status: number; code: string; detail?: string; remedy?: string; field?: string; errors?: Record<string, unknown>[]; decision_id?: string };
export type ProposeErasure = { record_id: string | null; client_id: string | null; field_group: string | null; basis: "purpose-met" | "service-ended" | "consent-withdrawn" | "unlawful" | "subject-request" | "supplied-in-error"; reason: string; retain_until: string | "none" };
export type ProposeItemChange = { item_code: string; reason: string; name_zh: string | null; name_en: string | null; steward: string | null; level: string | null; mode: "catalogue_open" | "approval_gated" | "mandatory_name_share" | "not_shared" | null; personal: boolean | null; sensitive: boolean | null; discoverable: boolean | null; readable: boolean | null; allowed_purposes: string[] | null; legal_basis: string | null; retention: string | null; source: string | null };
export type ProposeKeyDestruction = { key_id: string; reason: string };
export type ProposeKeyOrder = { key_id: string; reason: string };
export type ProposeListing = { client_id: string; kind: "watch" | "restricted" | "quiet"; reason: string; not_before: string | null; not_after: string };
export type ProposeSuppression = { client_id: string; reason: string; not_after: string };
export type PurposeOut = { code: string; zh: string; en: string; institution_kinds: string[]; roles: string[]; usable: boolean };
export type Query = { after: string | null; limit: number; field_group: string; purpose: string; fields: string[] | null; client_id: string | null; owner_unit: string | null; park_id: string | null; match_field: "mobile" | "email" | null; match_value: string | null; grant_id: string | null };
export type ReadNotice = { notice_id: string };
export type ReadableOut = { record_id: string; client_id: string; owner_unit: string; fields: string[]; rules: string[]; grant_id: string };
export type ReaderOut = { person_id: string; login: string; unit_id: string; records: number; purpose: string; channel: "console" | "cli" | "api" | "job"; rule: string; grant_id: string };
export type ReadershipOut = { grant_id: string; state: "active" | "expired" | "revoked" | "superseded"; grantee_unit: string; grantee_unit_zh: string; grantee_unit_en: string; grantee_name: string | null; purpose: string; items: string[]; uses: number; rows: number; last_used_at: string | null; not_after: string };
export type ReceiptOut = { grant_id: string; entry_id: string; kind: string; receipt: string; openings: Record<string, string> };
export type ReceiptVerdict = { valid: boolean; kind: string; index: number | null; size: number | null; origin: string; fields: Record<string, string | number | boolean>; steps: string[]; expected: string; found: string };
export type Receiver = { grant_id: string; grantee_unit: string; purpose: string; not_after: string; last_used_at: string | null };
export type Receivers = { record_id: string; items: Receiver[] };
export type RecordChange = { generation: number; act: string; actor: string; reason: string; at: string };
export type RecordChanges = { record_id: string; items: RecordChange[] };
export type RecordHistory = { record_id: string };
export type RecordOut = { record_id: string; client_id: string; field_group: string; owner_unit: string; generation: number; values: Record<string, unknown>; masked: string[] };
export type RecordPage = { items: RecordOut[]; withheld: Withheld[]; next: string | null; end: boolean; read_id: string; grant_id: string | null; obligations: string[] };
export type RecordReceivers = { record_id: string };
export type RecordState = { record_id: string; client_id: string; field_group: string; state: string; generation: number; warnings: string[] };
export type RefusalReasonOut = { code: string; zh: string; en: string; roles: string[] };
export type RegisterClient = { uscc: string; name: string; english: string; lead_rm: string | null; park_id: string | null; tags: string[] };
export type RegisterClientKey = { person_id: string; jwk: Record<string, unknown> };
export type RegisterConsent = { kind: "general" | "separate" | "written" | "enterprise_authorisation"; client: string; record_id: string | null; receiver: string; purpose: string; items: string[]; notice_version: string; evidence_hash: string; not_before: string; not_after: string };
export type RegisterWebhook = { url: string; kinds: string[] };
export type RejectItemChange = { change_id: string; reason: string };
export type RejectRequest = { request_id: string; version: number | null; reason_code: string; opinion: string };
export type RemoveTotp = { person_id: string };
export type RemoveWebhook = { webhook_id: string };
export type RenewGrant = { grant_id: string; term_days: number | null; reason: string };
export type RequestCrossing = { client_id: string; project: string; reason: string; not_after: string };
export type RequestForm = { items: ItemAsk[]; purpose: string; reason: string; scenario: string; scope: Scope; row_cap: number; uses: ("view" | "api" | "verify" | "export")[]; term_days: number; use_limit: number | null; rate_per_hour: number | null; grantee: "person" | "unit"; legal_basis: string; consents: string[]; project_ref: string; crossing_ref: string; assessment_ref: string; safety_officer: string; pledge: boolean; masked: boolean };
export type RequestOut = { request_id: string; state: "draft" | "submitted" | "dept_review" | "owner_review" | "compliance_review" | "cco_review" | "pi_review" | "offered" | "returned" | "approved" | "rejected" | "withdrawn" | "timed_out"; version: number; requester: string; requester_name: string; requester_unit: string; unit_zh: string; unit_en: string; purpose: string; purpose_zh: string; purpose_en: string; items: number; level: string; personal: boolean; partner: boolean; due_at: string | null; waiting_for_me: boolean; created_at: string; updated_at: string; form: RequestForm; asked: ItemGrantOut[]; steps: StepOut[]; offer: TermsOut | null; attachments: AttachmentOut[]; reason_code: string | null; reason_zh: string | null; reason_en: string | null; remark: string | null; acts: string[]; grant_id: string | null; grant: GrantOut | null; receipt: string | null };
export type RequestSummary = { request_id: string; state: "draft" | "submitted" | "dept_review" | "owner_review" | "compliance_review" | "cco_review" | "pi_review" | "offered" | "returned" | "approved" | "rejected" | "withdrawn" | "timed_out"; version: number; requester: string; requester_name: string; requester_unit: string; unit_zh: string; unit_en: string; purpose: string; purpose_zh: string; purpose_en: string; items: number; level: string; personal: boolean; partner: boolean; due_at: string | null; waiting_for_me: boolean; created_at: string; updated_at: string };
export type RequestTimeline = { request_id: string };
export type ResetPassword = { person_id: string };
export type ReturnRequest = { request_id: string; version: number | null; reason: string };
export type RevokeApiKey = { key_id: string };
export type RevokeClientKey = { person_id: string; kid: string };
export type RevokeGrant = { grant_id: string; reason: string };
export type RevokeSession = { token_id: string };
export type RuleOut = { kind: "data_access" | "workflow"; rule: string; effect: "allow" | "deny" | "note"; line: number; about: string; role: string; acts: string[]; on: Record<string, string>; condition: string; obligations: string[]; reason: string; zh: string; en: string };
export type RuleReportOut = { rule: string; effect: "allow" | "deny" | "note"; matched: boolean; met: string[]; lacking: string[] };
export type RulesOut = { epoch: string; rules: RuleOut[] };
export type Scope = { clients?: string[]; tags?: string[]; parks?: string[] };
export type ScopeOut = { clients: string[]; tags: string[]; parks: string[] };
export type SearchCatalogue = { after: string | null; limit: number; text: string; owner: string; mode: "catalogue_open" | "approval_gated" | "mandatory_name_share" | "not_shared" | null; level: string | null; group: string };
export type SearchClients = { after: string | null; limit: number; q: string; park_id: string | null; tag: string | null };
export type SearchTrail = { after: string | null; limit: number; actor: string; actor_unit: string; client_id: string; grant_id: string; item: string; action: string; outcome: "" | "allowed" | "refused" | "done" | "failed"; read_id: string; target_id: string; purpose: string; since: string | null; until: string | null };
export type SessionListed = { token_id: string; person_id: string; method: string; source_address: string; created_at: string; seen_at: string; expires_at: string; current: boolean };
export type SessionOut = { person: PersonOut; institution_kind: string; csrf_token: string; must: "" | "change-password" | "enrol-totp"; expires_at: string | null };
export type SetInstitutionState = { institution_id: string; state: "live" | "suspended" | "exited"; reason: string };
export type SetPassword = { one_time_token: string | null; old_password: string | null; password: string };
export type SignIn = { login: string; password: string; totp: string | null };
export type StartOidc = { return_to: string };
export type StepOut = { n: number; role: string; unit_id: string; unit_zh: string; unit_en: string; state: "waiting" | "open" | "done" | "skipped"; decision: string | null; actor: string | null; actor_name: string | null; delegate: string | null; opinion: string | null; working_days: number; due_at: string | null; acted_at: string | null };
export type SubmitRequest = { request_id: string; version: number | null };
export type SuspendPerson = { person_id: string; suspended: boolean; reason: string };
export type TermsOut = { items: ItemGrantOut[]; scope: ScopeOut; row_cap: number; uses: ("view" | "api" | "verify" | "export")[]; term_days: number; masked: boolean; use_limit: number | null; rate_per_hour: number | null };
export type TimelineEntry = { at: string; act: string; actor: string; actor_name: string; on_behalf_of: string; from_state: string; to_state: string; text: string };
export type TokenOut = { access_token: string; token_type: "Bearer"; expires_in: number };
export type TotpOffered = { secret: string; uri: string };
export type TransferPerson = { person_id: string; unit_id: string; roles: ("requester" | "dept_head" | "lead_rm" | "data_owner" | "data_steward" | "ops" | "compliance" | "cco" | "pi_officer" | "auditor" | "key_custodian" | "sysadmin" | "partner_user" | "partner_admin" | "enterprise_rep" | "regulator")[]; side: "private" | "public" | "control" | "none" | null; clearance: number | null };
export type UnitOut = { unit_id: string; institution_id: string; name_zh: string; name_en: string; side: "private" | "public" | "control" | "none"; active: boolean; created_at: string };
export type UploadErrors = { upload_id: string };
export type UploadFile = { kind: string; mode: "all_or_nothing" | "skip_bad"; dry_run: boolean; encoding: string | null };
export type UploadOut = { upload_id: string; unit_id: string; kind: string; file_name: string; mode: string; dry_run: boolean; state: string; rows_total: number; rows_done: number; rows_new: number; rows_changed: number; rows_same: number; rows_bad: number; problem: string; created_at: string; finished_at: string | null };
export type Verified = { matches: boolean; decision_id: string; grant_id: string | null };
export type Verify = { client_id: string; field_group: string; field: string; value: string; purpose: string };
export type VerifyReceipt = { receipt: string };
export type WatermarkOut = { reader: string; login: string; name: string; unit_id: string; grant: string; genuine: boolean };
export type Watermarks = { items: WatermarkOut[] };
export type WebhookOut = { webhook_id: string; unit_id: string; url: string; kinds: string[]; active: boolean; created_by: string; created_at: string; secret: string | null };
export type WhatCan = { after: string | null; limit: number; person_id: string; field_group: string; purpose: string; action: "read" | "verify" | "export"; channel: "console" | "cli" | "api" | "job" };
export type WhoCan = { after: string | null; limit: number; client_id: string; item_code: string; purpose: string };
export type WhoReadsMyData = { after: string | null; limit: number; since: string | null; until: string | null; item_code: string };
export type WithdrawConsent = { consent_id: string; reason: string };
export type WithdrawRecord = { record_id: string; reason: string };
export type WithdrawRequest = { request_id: string; version: number | null; reason: string };
export type WithdrawUpload = { upload_id: string; reason: string };
export type Withheld = { fields: string[]; reason: string; how_zh: string; how_en: string };

export interface Verbs {
  create_api_key: { ask: { person_id?: string | null; label: string; days?: number }; answer: ApiKeyCreated };
  list_api_keys: { ask: { after?: string | null; limit?: number; person_id?: string | null }; answer: Page_ApiKeyOut_ };
  revoke_api_key: { ask: { key_id: string }; answer: Done };
  list_item_changes: { ask: { after?: string | null; limit?: number; state?: "proposed" | "applied" | "rejected" | "withdrawn" | null; item_code?: string }; answer: Page_ChangeOut_ };
  countersign_item_change: { ask: { change_id: string }; answer: ChangeOut };
  reject_item_change: { ask: { change_id: string; reason: string }; answer: ChangeOut };
  list_groups: { ask: Record<string, never>; answer: Page_GroupOut_ };
  import_catalogue: { ask: { content: string; dry_run?: boolean; reason?: string }; answer: ImportOut };
  search_catalogue: { ask: { after?: string | null; limit?: number; text?: string; owner?: string; mode?: "catalogue_open" | "approval_gated" | "mandatory_name_share" | "not_shared" | null; level?: string | null; group?: string }; answer: CataloguePage };
  get_item: { ask: { item_code: string }; answer: ItemOut };
  catalogue_answerable: { ask: { item_code: string }; answer: AnswerableOut };
  propose_item_change: { ask: { item_code: string; reason: string; name_zh?: string | null; name_en?: string | null; steward?: string | null; level?: string | null; mode?: "catalogue_open" | "approval_gated" | "mandatory_name_share" | "not_shared" | null; personal?: boolean | null; sensitive?: boolean | null; discoverable?: boolean | null; readable?: boolean | null; allowed_purposes?: string[] | null; legal_basis?: string | null; retention?: string | null; source?: string | null }; answer: ChangeOut };
  item_history: { ask: { item_code: string; after?: string | null; limit?: number }; answer: Page_ItemVersionOut_ };
  search_clients: { ask: { after?: string | null; limit?: number; q?: string; park_id?: string | null; tag?: string | null }; answer: CardPage };
  register_client: { ask: { uscc: string; name: string; english?: string; lead_rm?: string | null; park_id?: string | null; tags?: string[] }; answer: ClientRegistered };
  get_client: { ask: { client_id: string }; answer: ClientView };
  register_consent: { ask: { kind: "general" | "separate" | "written" | "enterprise_authorisation"; client: string; record_id?: string | null; receiver: string; purpose: string; items: string[]; notice_version: string; evidence_hash: string; not_before: string; not_after: string }; answer: ConsentOut };
  list_consents: { ask: { after?: string | null; limit?: number; client?: string; record_id?: string; receiver?: string; state?: "valid" | "future" | "ended" | "withdrawn" | null }; answer: Page_ConsentOut_ };
  withdraw_consent: { ask: { consent_id: string; reason?: string }; answer: ConsentOut };
  request_crossing: { ask: { client_id: string; project: string; reason: string; not_after: string }; answer: BarrierOut };
  list_crossings: { ask: { after?: string | null; limit?: number; client_id?: string; state?: "proposed" | "active" | "ended" | "rejected" | "" }; answer: Page_BarrierOut_ };
  approve_crossing: { ask: { barrier_id: string }; answer: BarrierOut };
  end_crossing: { ask: { barrier_id: string }; answer: BarrierOut };
  propose_erasure: { ask: { record_id?: string | null; client_id?: string | null; field_group?: string | null; basis: "purpose-met" | "service-ended" | "consent-withdrawn" | "unlawful" | "subject-request" | "supplied-in-error"; reason: string; retain_until: string | "none" }; answer: ErasureOut };
  list_erasures: { ask: { after?: string | null; limit?: number; state?: "proposed" | "active" | "restricted" | "done" | "final" | "" }; answer: Page_ErasureOut_ };
  confirm_erasure: { ask: { order_id: string }; answer: ErasureOut };
  erasure_receipt: { ask: { order_id: string }; answer: ErasureReceipt };
  export: { ask: { field_group: string; purpose: string; fields?: string[] | null; client_id?: string | null; park_id?: string | null; format?: "csv" | "xlsx"; reason: string }; answer: Blob };
  list_grants: { ask: { after?: string | null; limit?: number; view?: "held" | "given" | "all"; state?: "active" | "expired" | "revoked" | "superseded" | null; item_code?: string; client?: string; purpose?: string }; answer: Page_GrantOut_ };
  grants_about_to_expire: { ask: { after?: string | null; limit?: number; days?: number }; answer: Page_GrantOut_ };
  who_reads_my_data: { ask: { after?: string | null; limit?: number; since?: string | null; until?: string | null; item_code?: string }; answer: Page_ReadershipOut_ };
  get_grant: { ask: { grant_id: string }; answer: GrantOut };
  grant_receipt: { ask: { grant_id: string }; answer: ReceiptOut };
  renew_grant: { ask: { grant_id: string; term_days?: number | null; reason?: string }; answer: GrantMoved };
  revoke_grant: { ask: { grant_id: string; reason: string }; answer: GrantMoved };
  create_institution: { ask: { institution_id?: string | null; kind: "firm" | "park" | "government" | "equity_market" | "bank" | "guarantor" | "insurer" | "lessor" | "intermediary"; name_zh: string; name_en?: string; uscc?: string | null }; answer: InstitutionOut };
  list_institutions: { ask: { after?: string | null; limit?: number; kind?: "firm" | "park" | "government" | "equity_market" | "bank" | "guarantor" | "insurer" | "lessor" | "intermediary" | null }; answer: Page_InstitutionOut_ };
  set_institution_state: { ask: { institution_id: string; state: "live" | "suspended" | "exited"; reason?: string }; answer: InstitutionOut };
  list_keys: { ask: { after?: string | null; limit?: number; compartment?: string; state?: "" | "pending" | "active" | "decrypt_only" | "destroyed" }; answer: Page_KeyOut_ };
  propose_key_destruction: { ask: { key_id: string; reason: string }; answer: KeyOrderOut };
  confirm_key_destruction: { ask: { order_id: string }; answer: KeyOrderOut };
  list_key_orders: { ask: { after?: string | null; limit?: number; state?: "proposed" | "active" | "restricted" | "done" | "final" | "" }; answer: Page_KeyOrderOut_ };
  propose_key_rotation: { ask: { key_id: string; reason: string }; answer: KeyOrderOut };
  confirm_key_rotation: { ask: { order_id: string }; answer: KeyOrderOut };
  key_status: { ask: Record<string, never>; answer: KeyStatus };
  ledger_heads: { ask: Record<string, never>; answer: Heads };
  verify_receipt: { ask: { receipt: string }; answer: ReceiptVerdict };
  propose_listing: { ask: { client_id: string; kind: "watch" | "restricted" | "quiet"; reason: string; not_before?: string | null; not_after: string }; answer: BarrierOut };
  list_listings: { ask: { after?: string | null; limit?: number; client_id?: string; state?: "proposed" | "active" | "ended" | "rejected" | "" }; answer: Page_BarrierOut_ };
  confirm_listing: { ask: { barrier_id: string }; answer: BarrierOut };
  end_listing: { ask: { barrier_id: string }; answer: BarrierOut };
  list_notices: { ask: { after?: string | null; limit?: number; unread?: boolean }; answer: NoticePage };
  read_notice: { ask: { notice_id: string }; answer: Done };
  finish_oidc: { ask: { state?: string; code?: string; error?: string; iss?: string }; answer: OidcSignedIn };
  start_oidc: { ask: { return_to?: string }; answer: OidcStarted };
  set_password: { ask: { one_time_token?: string | null; old_password?: string | null; password: string }; answer: Done };
  create_person: { ask: { login: string; name: string; unit_id: string; roles?: ("requester" | "dept_head" | "lead_rm" | "data_owner" | "data_steward" | "ops" | "compliance" | "cco" | "pi_officer" | "auditor" | "key_custodian" | "sysadmin" | "partner_user" | "partner_admin" | "enterprise_rep" | "regulator")[]; email?: string | null; staff_no?: string | null; side?: "private" | "public" | "control" | "none" | null; clearance?: number; trained_until?: string; locale?: "zh" | "en"; with_token?: boolean }; answer: PersonCreated };
  list_people: { ask: { after?: string | null; limit?: number; institution_id?: string | null; unit_id?: string | null; role?: "requester" | "dept_head" | "lead_rm" | "data_owner" | "data_steward" | "ops" | "compliance" | "cco" | "pi_officer" | "auditor" | "key_custodian" | "sysadmin" | "partner_user" | "partner_admin" | "enterprise_rep" | "regulator" | null; state?: "active" | "suspended" | "left" | null; kind?: "person" | "service" | null }; answer: Page_PersonOut_ };
  get_person: { ask: { person_id: string }; answer: PersonOut };
  change_person: { ask: { person_id: string; name?: string | null; email?: string | null; staff_no?: string | null; roles?: ("requester" | "dept_head" | "lead_rm" | "data_owner" | "data_steward" | "ops" | "compliance" | "cco" | "pi_officer" | "auditor" | "key_custodian" | "sysadmin" | "partner_user" | "partner_admin" | "enterprise_rep" | "regulator")[] | null; clearance?: number | null; side?: "private" | "public" | "control" | "none" | null; trained_until?: string | null; locale?: "zh" | "en" | null }; answer: PersonOut };
  register_client_key: { ask: { person_id: string; jwk: Record<string, unknown> }; answer: ClientKeyOut };
  list_client_keys: { ask: { person_id: string }; answer: Page_ClientKeyOut_ };
  revoke_client_key: { ask: { person_id: string; kid: string }; answer: Done };
  link_identity: { ask: { person_id: string; subject: string; issuer?: string | null }; answer: Done };
  leave_person: { ask: { person_id: string; reason?: string }; answer: PersonOut };
  list_memberships: { ask: { person_id: string }; answer: Page_MembershipOut_ };
  reset_password: { ask: { person_id: string }; answer: OneTimeOut };
  suspend_person: { ask: { person_id: string; suspended?: boolean; reason?: string }; answer: PersonOut };
  remove_totp: { ask: { person_id: string }; answer: Done };
  transfer_person: { ask: { person_id: string; unit_id: string; roles?: ("requester" | "dept_head" | "lead_rm" | "data_owner" | "data_steward" | "ops" | "compliance" | "cco" | "pi_officer" | "auditor" | "key_custodian" | "sysadmin" | "partner_user" | "partner_admin" | "enterprise_rep" | "regulator")[]; side?: "private" | "public" | "control" | "none" | null; clearance?: number | null }; answer: PersonOut };
  explain_access: { ask: { record_id: string; person_id?: string; purpose: string; action?: "read" | "verify" | "export"; channel?: "console" | "cli" | "api" | "job"; fields?: string[] | null }; answer: ExplanationOut };
  list_rules: { ask: { kind?: "data_access" | "workflow" | "" }; answer: RulesOut };
  what_can: { ask: { after?: string | null; limit?: number; person_id: string; field_group: string; purpose: string; action?: "read" | "verify" | "export"; channel?: "console" | "cli" | "api" | "job" }; answer: Page_ReadableOut_ };
  who_can: { ask: { after?: string | null; limit?: number; client_id: string; item_code: string; purpose?: string }; answer: Page_ReaderOut_ };
  list_purposes: { ask: Record<string, never>; answer: Page_PurposeOut_ };
  query: { ask: { after?: string | null; limit?: number; field_group: string; purpose: string; fields?: string[] | null; client_id?: string | null; owner_unit?: string | null; park_id?: string | null; match_field?: "mobile" | "email" | null; match_value?: string | null; grant_id?: string | null }; answer: RecordPage };
  enter_record: { ask: { client_id: string; field_group: string; values: Record<string, string>; duplicate_ok?: boolean }; answer: RecordState };
  correct_record: { ask: { record_id: string; values: Record<string, string>; reason: string }; answer: RecordState };
  disclose: { ask: { record_id: string; purpose: string; fields?: string[] | null }; answer: Disclosure };
  record_history: { ask: { record_id: string }; answer: RecordChanges };
  record_receivers: { ask: { record_id: string }; answer: Receivers };
  withdraw_record: { ask: { record_id: string; reason: string }; answer: RecordState };
  list_refusal_reasons: { ask: Record<string, never>; answer: Page_RefusalReasonOut_ };
  create_request: { ask: { items?: ItemAsk[]; purpose?: string; reason?: string; scenario?: string; scope?: Scope; row_cap?: number; uses?: ("view" | "api" | "verify" | "export")[]; term_days?: number; use_limit?: number | null; rate_per_hour?: number | null; grantee?: "person" | "unit"; legal_basis?: string; consents?: string[]; project_ref?: string; crossing_ref?: string; assessment_ref?: string; safety_officer?: string; pledge?: boolean; masked?: boolean }; answer: RequestOut };
  list_requests: { ask: { after?: string | null; limit?: number; view?: "mine" | "inbox" | "unit" | "owned" | "all"; state?: "draft" | "submitted" | "dept_review" | "owner_review" | "compliance_review" | "cco_review" | "pi_review" | "offered" | "returned" | "approved" | "rejected" | "withdrawn" | "timed_out" | null; purpose?: string }; answer: Page_RequestSummary_ };
  preview_request: { ask: { items?: ItemAsk[]; purpose?: string; reason?: string; scenario?: string; scope?: Scope; row_cap?: number; uses?: ("view" | "api" | "verify" | "export")[]; term_days?: number; use_limit?: number | null; rate_per_hour?: number | null; grantee?: "person" | "unit"; legal_basis?: string; consents?: string[]; project_ref?: string; crossing_ref?: string; assessment_ref?: string; safety_officer?: string; pledge?: boolean; masked?: boolean }; answer: PreviewOut };
  change_request: { ask: { request_id: string; items?: ItemAsk[]; purpose?: string; reason?: string; scenario?: string; scope?: Scope; row_cap?: number; uses?: ("view" | "api" | "verify" | "export")[]; term_days?: number; use_limit?: number | null; rate_per_hour?: number | null; grantee?: "person" | "unit"; legal_basis?: string; consents?: string[]; project_ref?: string; crossing_ref?: string; assessment_ref?: string; safety_officer?: string; pledge?: boolean; masked?: boolean; version: number }; answer: RequestOut };
  get_request: { ask: { request_id: string }; answer: RequestOut };
  accept_offer: { ask: { request_id: string; version?: number | null }; answer: RequestOut };
  approve_request: { ask: { request_id: string; version?: number | null; opinion?: string; reason_code?: string; items?: ItemAsk[] | null; clients?: string[] | null; masked?: boolean | null; row_cap?: number | null; uses?: ("view" | "api" | "verify" | "export")[] | null; term_days?: number | null; use_limit?: number | null; rate_per_hour?: number | null }; answer: RequestOut };
  add_attachment: { ask: { request_id: string; file_name: string; media_type?: string; content: string }; answer: AttachmentOut };
  get_attachment: { ask: { request_id: string; attachment_id: string }; answer: AttachmentContent };
  decline_offer: { ask: { request_id: string; version?: number | null; reason?: string }; answer: RequestOut };
  delegate_step: { ask: { request_id: string; version?: number | null; person_id: string; reason: string }; answer: RequestOut };
  endorse_request: { ask: { request_id: string; version?: number | null; opinion?: string }; answer: RequestOut };
  reject_request: { ask: { request_id: string; version?: number | null; reason_code: string; opinion?: string }; answer: RequestOut };
  return_request: { ask: { request_id: string; version?: number | null; reason: string }; answer: RequestOut };
  submit_request: { ask: { request_id: string; version?: number | null }; answer: RequestOut };
  request_timeline: { ask: { request_id: string }; answer: Page_TimelineEntry_ };
  withdraw_request: { ask: { request_id: string; version?: number | null; reason?: string }; answer: RequestOut };
  create_service_account: { ask: { login: string; name: string; unit_id: string; roles?: ("requester" | "dept_head" | "lead_rm" | "data_owner" | "data_steward" | "ops" | "compliance" | "cco" | "pi_officer" | "auditor" | "key_custodian" | "sysadmin" | "partner_user" | "partner_admin" | "enterprise_rep" | "regulator")[]; side?: "private" | "public" | "control" | "none" | null; clearance?: number; trained_until?: string }; answer: PersonOut };
  sign_in: { ask: { login: string; password: string; totp?: string | null }; answer: SessionOut };
  sign_out: { ask: Record<string, never>; answer: Done };
  whoami: { ask: Record<string, never>; answer: SessionOut };
  list_sessions: { ask: { after?: string | null; limit?: number; person_id?: string | null }; answer: Page_SessionListed_ };
  revoke_session: { ask: { token_id: string }; answer: Done };
  propose_suppression: { ask: { client_id: string; reason: string; not_after: string }; answer: BarrierOut };
  list_suppressions: { ask: { after?: string | null; limit?: number; client_id?: string; state?: "proposed" | "active" | "ended" | "rejected" | "" }; answer: Page_BarrierOut_ };
  confirm_suppression: { ask: { barrier_id: string }; answer: BarrierOut };
  end_suppression: { ask: { barrier_id: string }; answer: BarrierOut };
  download_template: { ask: { kind: string; format?: "csv" | "xlsx" }; answer: Blob };
  issue_token: { ask: { grant_type?: "client_credentials"; client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"; client_assertion: string }; answer: TokenOut };
  enrol_totp: { ask: Record<string, never>; answer: TotpOffered };
  confirm_totp: { ask: { totp: string }; answer: Done };
  search_trail: { ask: { after?: string | null; limit?: number; actor?: string; actor_unit?: string; client_id?: string; grant_id?: string; item?: string; action?: string; outcome?: "" | "allowed" | "refused" | "done" | "failed"; read_id?: string; target_id?: string; purpose?: string; since?: string | null; until?: string | null }; answer: Page_EventOut_ };
  export_evidence: { ask: { actor?: string; client_id?: string; grant_id?: string; item?: string; action?: string; since?: string | null; until?: string | null }; answer: Blob };
  create_unit: { ask: { unit_id?: string | null; institution_id: string; name_zh: string; name_en?: string; side?: "private" | "public" | "control" | "none" }; answer: UnitOut };
  list_units: { ask: { after?: string | null; limit?: number; institution_id?: string | null }; answer: Page_UnitOut_ };
  upload_file: { ask: { kind: string; mode?: "all_or_nothing" | "skip_bad"; dry_run?: boolean; encoding?: string | null }; answer: UploadOut };
  list_uploads: { ask: { after?: string | null; limit?: number }; answer: Page_UploadOut_ };
  get_upload: { ask: { upload_id: string }; answer: UploadOut };
  upload_errors: { ask: { upload_id: string }; answer: Blob };
  withdraw_upload: { ask: { upload_id: string; reason: string }; answer: UploadOut };
  verify: { ask: { client_id: string; field_group: string; field: string; value: string; purpose: string }; answer: Verified };
  read_watermark: { ask: Record<string, never>; answer: Watermarks };
  register_webhook: { ask: { url: string; kinds?: string[] }; answer: WebhookOut };
  list_webhooks: { ask: Record<string, never>; answer: Page_WebhookOut_ };
  remove_webhook: { ask: { webhook_id: string }; answer: Done };
}

export const ROUTES: Record<keyof Verbs, readonly [string, string]> = {
  create_api_key: ["POST", "/v1/api-keys"],
  list_api_keys: ["GET", "/v1/api-keys"],
  revoke_api_key: ["DELETE", "/v1/api-keys/{key_id}"],
  list_item_changes: ["GET", "/v1/catalogue/changes"],
  countersign_item_change: ["POST", "/v1/catalogue/changes/{change_id}/countersign"],
  reject_item_change: ["POST", "/v1/catalogue/changes/{change_id}/reject"],
  list_groups: ["GET", "/v1/catalogue/groups"],
  import_catalogue: ["POST", "/v1/catalogue/import"],
  search_catalogue: ["GET", "/v1/catalogue/items"],
  get_item: ["GET", "/v1/catalogue/items/{item_code}"],
  catalogue_answerable: ["GET", "/v1/catalogue/items/{item_code}/answerable"],
  propose_item_change: ["POST", "/v1/catalogue/items/{item_code}/changes"],
  item_history: ["GET", "/v1/catalogue/items/{item_code}/history"],
  search_clients: ["GET", "/v1/clients"],
  register_client: ["POST", "/v1/clients"],
  get_client: ["GET", "/v1/clients/{client_id}"],
  register_consent: ["POST", "/v1/consents"],
  list_consents: ["GET", "/v1/consents"],
  withdraw_consent: ["POST", "/v1/consents/{consent_id}/withdraw"],
  request_crossing: ["POST", "/v1/crossings"],
  list_crossings: ["GET", "/v1/crossings"],
  approve_crossing: ["POST", "/v1/crossings/{barrier_id}/approve"],
  end_crossing: ["POST", "/v1/crossings/{barrier_id}/end"],
  propose_erasure: ["POST", "/v1/erasures"],
  list_erasures: ["GET", "/v1/erasures"],
  confirm_erasure: ["POST", "/v1/erasures/{order_id}/confirm"],
  erasure_receipt: ["GET", "/v1/erasures/{order_id}/receipt"],
  export: ["POST", "/v1/export"],
  list_grants: ["GET", "/v1/grants"],
  grants_about_to_expire: ["GET", "/v1/grants/expiring"],
  who_reads_my_data: ["GET", "/v1/grants/readership"],
  get_grant: ["GET", "/v1/grants/{grant_id}"],
  grant_receipt: ["GET", "/v1/grants/{grant_id}/receipt"],
  renew_grant: ["POST", "/v1/grants/{grant_id}/renew"],
  revoke_grant: ["POST", "/v1/grants/{grant_id}/revoke"],
  create_institution: ["POST", "/v1/institutions"],
  list_institutions: ["GET", "/v1/institutions"],
  set_institution_state: ["POST", "/v1/institutions/{institution_id}/state"],
  list_keys: ["GET", "/v1/keys"],
  propose_key_destruction: ["POST", "/v1/keys/destructions"],
  confirm_key_destruction: ["POST", "/v1/keys/destructions/{order_id}/confirm"],
  list_key_orders: ["GET", "/v1/keys/orders"],
  propose_key_rotation: ["POST", "/v1/keys/rotations"],
  confirm_key_rotation: ["POST", "/v1/keys/rotations/{order_id}/confirm"],
  key_status: ["GET", "/v1/keys/status"],
  ledger_heads: ["GET", "/v1/ledger"],
  verify_receipt: ["POST", "/v1/ledger/verify"],
  propose_listing: ["POST", "/v1/listings"],
  list_listings: ["GET", "/v1/listings"],
  confirm_listing: ["POST", "/v1/listings/{barrier_id}/confirm"],
  end_listing: ["POST", "/v1/listings/{barrier_id}/end"],
  list_notices: ["GET", "/v1/notices"],
  read_notice: ["POST", "/v1/notices/{notice_id}/read"],
  finish_oidc: ["GET", "/v1/oidc/callback"],
  start_oidc: ["GET", "/v1/oidc/start"],
  set_password: ["POST", "/v1/password"],
  create_person: ["POST", "/v1/people"],
  list_people: ["GET", "/v1/people"],
  get_person: ["GET", "/v1/people/{person_id}"],
  change_person: ["PATCH", "/v1/people/{person_id}"],
  register_client_key: ["POST", "/v1/people/{person_id}/client-keys"],
  list_client_keys: ["GET", "/v1/people/{person_id}/client-keys"],
  revoke_client_key: ["DELETE", "/v1/people/{person_id}/client-keys/{kid}"],
  link_identity: ["POST", "/v1/people/{person_id}/identities"],
  leave_person: ["POST", "/v1/people/{person_id}/leave"],
  list_memberships: ["GET", "/v1/people/{person_id}/memberships"],
  reset_password: ["POST", "/v1/people/{person_id}/password-reset"],
  suspend_person: ["POST", "/v1/people/{person_id}/suspension"],
  remove_totp: ["DELETE", "/v1/people/{person_id}/totp"],
  transfer_person: ["POST", "/v1/people/{person_id}/transfer"],
  explain_access: ["POST", "/v1/policy/explain"],
  list_rules: ["GET", "/v1/policy/rules"],
  what_can: ["GET", "/v1/policy/what-can"],
  who_can: ["GET", "/v1/policy/who-can"],
  list_purposes: ["GET", "/v1/purposes"],
  query: ["POST", "/v1/query"],
  enter_record: ["POST", "/v1/records"],
  correct_record: ["POST", "/v1/records/{record_id}/correct"],
  disclose: ["POST", "/v1/records/{record_id}/disclose"],
  record_history: ["GET", "/v1/records/{record_id}/history"],
  record_receivers: ["GET", "/v1/records/{record_id}/receivers"],
  withdraw_record: ["POST", "/v1/records/{record_id}/withdraw"],
  list_refusal_reasons: ["GET", "/v1/refusal-reasons"],
  create_request: ["POST", "/v1/requests"],
  list_requests: ["GET", "/v1/requests"],
  preview_request: ["POST", "/v1/requests/preview"],
  change_request: ["PUT", "/v1/requests/{request_id}"],
  get_request: ["GET", "/v1/requests/{request_id}"],
  accept_offer: ["POST", "/v1/requests/{request_id}/accept"],
  approve_request: ["POST", "/v1/requests/{request_id}/approve"],
  add_attachment: ["POST", "/v1/requests/{request_id}/attachments"],
  get_attachment: ["GET", "/v1/requests/{request_id}/attachments/{attachment_id}"],
  decline_offer: ["POST", "/v1/requests/{request_id}/decline"],
  delegate_step: ["POST", "/v1/requests/{request_id}/delegate"],
  endorse_request: ["POST", "/v1/requests/{request_id}/endorse"],
  reject_request: ["POST", "/v1/requests/{request_id}/reject"],
  return_request: ["POST", "/v1/requests/{request_id}/return"],
  submit_request: ["POST", "/v1/requests/{request_id}/submit"],
  request_timeline: ["GET", "/v1/requests/{request_id}/timeline"],
  withdraw_request: ["POST", "/v1/requests/{request_id}/withdraw"],
  create_service_account: ["POST", "/v1/service-accounts"],
  sign_in: ["POST", "/v1/session"],
  sign_out: ["DELETE", "/v1/session"],
  whoami: ["GET", "/v1/session"],
  list_sessions: ["GET", "/v1/sessions"],
  revoke_session: ["DELETE", "/v1/sessions/{token_id}"],
  propose_suppression: ["POST", "/v1/suppressions"],
  list_suppressions: ["GET", "/v1/suppressions"],
  confirm_suppression: ["POST", "/v1/suppressions/{barrier_id}/confirm"],
  end_suppression: ["POST", "/v1/suppressions/{barrier_id}/end"],
  download_template: ["GET", "/v1/templates/{kind}"],
  issue_token: ["POST", "/v1/token"],
  enrol_totp: ["POST", "/v1/totp"],
  confirm_totp: ["POST", "/v1/totp/confirmation"],
  search_trail: ["GET", "/v1/trail"],
  export_evidence: ["POST", "/v1/trail/evidence"],
  create_unit: ["POST", "/v1/units"],
  list_units: ["GET", "/v1/units"],
  upload_file: ["POST", "/v1/uploads"],
  list_uploads: ["GET", "/v1/uploads"],
  get_upload: ["GET", "/v1/uploads/{upload_id}"],
  upload_errors: ["GET", "/v1/uploads/{upload_id}/errors"],
  withdraw_upload: ["POST", "/v1/uploads/{upload_id}/withdraw"],
  verify: ["POST", "/v1/verify"],
  read_watermark: ["POST", "/v1/watermarks"],
  register_webhook: ["POST", "/v1/webhooks"],
  list_webhooks: ["GET", "/v1/webhooks"],
  remove_webhook: ["DELETE", "/v1/webhooks/{webhook_id}"],
};
