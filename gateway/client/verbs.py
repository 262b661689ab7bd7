"""One method a verb. Made by scripts/generate_client.py from the routes; do not edit."""

# ruff: noqa
# fmt: off

from gateway.client.transport import AsyncTransport, Transport
from gateway.schemas.barrier import BarrierId, BarrierOut, ListBarriers, ProposeListing, ProposeSuppression, RequestCrossing
from gateway.schemas.base import Done, Nothing, Page, Paged
from gateway.schemas.catalogue import AnswerableOut, CatalogueAnswerable, CataloguePage, ChangeOut, CountersignItemChange, GetItem, GroupOut, ImportCatalogue, ImportOut, ItemHistory, ItemOut, ItemVersionOut, ListItemChanges, ProposeItemChange, PurposeOut, RejectItemChange, SearchCatalogue
from gateway.schemas.consents import ConsentOut, ListConsents, RegisterConsent, WithdrawConsent
from gateway.schemas.disclosure import CardPage, ClientView, Disclose, Disclosure, Export, GetClient, Query, RecordPage, SearchClients, Verified, Verify
from gateway.schemas.grants import GetGrant, GrantMoved, GrantOut, GrantReceipt, GrantsAboutToExpire, ListGrants, ReadershipOut, ReceiptOut, RenewGrant, RevokeGrant, WhoReadsMyData
from gateway.schemas.keys import ErasureOut, ErasureReceipt, KeyOrderOut, KeyOut, KeyStatus, ListKeys, ListOrders, OrderId, ProposeErasure, ProposeKeyDestruction, ProposeKeyOrder
from gateway.schemas.notices import ListNotices, NoticePage, ReadNotice, RegisterWebhook, RemoveWebhook, WebhookOut
from gateway.schemas.parties import ChangePerson, CreateInstitution, CreatePerson, CreateServiceAccount, CreateUnit, GetPerson, InstitutionOut, LeavePerson, ListInstitutions, ListPeople, ListUnits, MembershipOut, MembershipsOf, PersonCreated, PersonOut, SetInstitutionState, SuspendPerson, TransferPerson, UnitOut
from gateway.schemas.policy import ExplainAccess, ExplanationOut, ListRules, ReadableOut, ReaderOut, RulesOut, WhatCan, WhoCan
from gateway.schemas.records import ClientRegistered, CorrectRecord, DownloadTemplate, EnterRecord, GetUpload, Receivers, RecordChanges, RecordHistory, RecordReceivers, RecordState, RegisterClient, UploadErrors, UploadOut, WithdrawRecord, WithdrawUpload
from gateway.schemas.requests import AcceptOffer, AddAttachment, ApproveRequest, AttachmentContent, AttachmentOut, ChangeRequest, CreateRequest, DeclineOffer, DelegateStep, EndorseRequest, GetAttachment, GetRequest, ListRequests, PreviewOut, PreviewRequest, RefusalReasonOut, RejectRequest, RequestOut, RequestSummary, RequestTimeline, ReturnRequest, SubmitRequest, TimelineEntry, WithdrawRequest
from gateway.schemas.sessions import ApiKeyCreated, ApiKeyOut, ClientKeyOut, ConfirmTotp, CreateApiKey, FinishOidc, IssueToken, LinkIdentity, ListApiKeys, ListClientKeys, ListSessions, OidcSignedIn, OidcStarted, OneTimeOut, RegisterClientKey, RemoveTotp, ResetPassword, RevokeApiKey, RevokeClientKey, RevokeSession, SessionListed, SessionOut, SetPassword, SignIn, StartOidc, TokenOut, TotpOffered
from gateway.schemas.trail import EventOut, ExportEvidence, Heads, ReceiptVerdict, SearchTrail, VerifyReceipt


class Verbs(Transport):
    """Every verb of the gateway, called over HTTP."""

    def accept_offer(self, ask: AcceptOffer) -> RequestOut:
        """Accept the counter-offer / 接受缩减方案: POST /v1/requests/{request_id}/accept"""
        return self._read(RequestOut, self._call("accept_offer", ask))

    def add_attachment(self, ask: AddAttachment) -> AttachmentOut:
        """Add an attachment / 上传附件: POST /v1/requests/{request_id}/attachments"""
        return self._read(AttachmentOut, self._call("add_attachment", ask))

    def approve_crossing(self, ask: BarrierId) -> BarrierOut:
        """Approve a wall crossing / 确认跨墙: POST /v1/crossings/{barrier_id}/approve"""
        return self._read(BarrierOut, self._call("approve_crossing", ask))

    def approve_request(self, ask: ApproveRequest) -> RequestOut:
        """Approve, wholly or in part / 审批同意(可缩减): POST /v1/requests/{request_id}/approve"""
        return self._read(RequestOut, self._call("approve_request", ask))

    def catalogue_answerable(self, ask: CatalogueAnswerable) -> AnswerableOut:
        """Who answers for a data item / 数据项责任方: GET /v1/catalogue/items/{item_code}/answerable"""
        return self._read(AnswerableOut, self._call("catalogue_answerable", ask))

    def change_person(self, ask: ChangePerson) -> PersonOut:
        """Change a person and its rights / 变更人员资料与权限: PATCH /v1/people/{person_id}"""
        return self._read(PersonOut, self._call("change_person", ask))

    def change_request(self, ask: ChangeRequest) -> RequestOut:
        """Change a draft or returned request / 修改申请: PUT /v1/requests/{request_id}"""
        return self._read(RequestOut, self._call("change_request", ask))

    def confirm_erasure(self, ask: OrderId) -> ErasureOut:
        """Confirm an erasure / 确认删除: POST /v1/erasures/{order_id}/confirm"""
        return self._read(ErasureOut, self._call("confirm_erasure", ask))

    def confirm_key_destruction(self, ask: OrderId) -> KeyOrderOut:
        """Confirm a destruction / 确认密钥销毁: POST /v1/keys/destructions/{order_id}/confirm"""
        return self._read(KeyOrderOut, self._call("confirm_key_destruction", ask))

    def confirm_key_rotation(self, ask: OrderId) -> KeyOrderOut:
        """Confirm a rotation / 确认密钥轮换: POST /v1/keys/rotations/{order_id}/confirm"""
        return self._read(KeyOrderOut, self._call("confirm_key_rotation", ask))

    def confirm_listing(self, ask: BarrierId) -> BarrierOut:
        """Confirm a listing / 确认名单与静默期: POST /v1/listings/{barrier_id}/confirm"""
        return self._read(BarrierOut, self._call("confirm_listing", ask))

    def confirm_suppression(self, ask: BarrierId) -> BarrierOut:
        """Confirm a name suppression / 确认名称屏蔽: POST /v1/suppressions/{barrier_id}/confirm"""
        return self._read(BarrierOut, self._call("confirm_suppression", ask))

    def confirm_totp(self, ask: ConfirmTotp) -> Done:
        """Confirm the second factor / 确认动态验证码: POST /v1/totp/confirmation"""
        return self._read(Done, self._call("confirm_totp", ask))

    def correct_record(self, ask: CorrectRecord) -> RecordState:
        """Correct a record / 更正记录: POST /v1/records/{record_id}/correct"""
        return self._read(RecordState, self._call("correct_record", ask))

    def countersign_item_change(self, ask: CountersignItemChange) -> ChangeOut:
        """Countersign a change of an item / 复核数据项变更: POST /v1/catalogue/changes/{change_id}/countersign"""
        return self._read(ChangeOut, self._call("countersign_item_change", ask))

    def create_api_key(self, ask: CreateApiKey) -> ApiKeyCreated:
        """Create an API key / 新建 API 密钥: POST /v1/api-keys"""
        return self._read(ApiKeyCreated, self._call("create_api_key", ask))

    def create_institution(self, ask: CreateInstitution) -> InstitutionOut:
        """Register an institution / 登记机构: POST /v1/institutions"""
        return self._read(InstitutionOut, self._call("create_institution", ask))

    def create_person(self, ask: CreatePerson) -> PersonCreated:
        """Create a person / 新建人员: POST /v1/people"""
        return self._read(PersonCreated, self._call("create_person", ask))

    def create_request(self, ask: CreateRequest | None = None) -> RequestOut:
        """Create a draft request / 新建申请草稿: POST /v1/requests"""
        return self._read(RequestOut, self._call("create_request", ask or CreateRequest()))

    def create_service_account(self, ask: CreateServiceAccount) -> PersonOut:
        """Create a service account / 新建服务账户: POST /v1/service-accounts"""
        return self._read(PersonOut, self._call("create_service_account", ask))

    def create_unit(self, ask: CreateUnit) -> UnitOut:
        """Create a unit / 新建部门: POST /v1/units"""
        return self._read(UnitOut, self._call("create_unit", ask))

    def decline_offer(self, ask: DeclineOffer) -> RequestOut:
        """Decline the counter-offer / 不接受缩减方案: POST /v1/requests/{request_id}/decline"""
        return self._read(RequestOut, self._call("decline_offer", ask))

    def delegate_step(self, ask: DelegateStep) -> RequestOut:
        """Hand a step to a colleague / 委托代办: POST /v1/requests/{request_id}/delegate"""
        return self._read(RequestOut, self._call("delegate_step", ask))

    def disclose(self, ask: Disclose) -> Disclosure:
        """Read one record / 读取一条记录: POST /v1/records/{record_id}/disclose"""
        return self._read(Disclosure, self._call("disclose", ask))

    def download_template(self, ask: DownloadTemplate) -> bytes:
        """Download a template / 下载模板: GET /v1/templates/{kind}"""
        return self._call("download_template", ask)

    def end_crossing(self, ask: BarrierId) -> BarrierOut:
        """End a wall crossing / 终止跨墙: POST /v1/crossings/{barrier_id}/end"""
        return self._read(BarrierOut, self._call("end_crossing", ask))

    def end_listing(self, ask: BarrierId) -> BarrierOut:
        """End a listing / 终止名单与静默期: POST /v1/listings/{barrier_id}/end"""
        return self._read(BarrierOut, self._call("end_listing", ask))

    def end_suppression(self, ask: BarrierId) -> BarrierOut:
        """End a name suppression / 终止名称屏蔽: POST /v1/suppressions/{barrier_id}/end"""
        return self._read(BarrierOut, self._call("end_suppression", ask))

    def endorse_request(self, ask: EndorseRequest) -> RequestOut:
        """Endorse as department head / 部门负责人同意: POST /v1/requests/{request_id}/endorse"""
        return self._read(RequestOut, self._call("endorse_request", ask))

    def enrol_totp(self, ask: Nothing | None = None) -> TotpOffered:
        """Enrol a second factor / 启用动态验证码: POST /v1/totp"""
        return self._read(TotpOffered, self._call("enrol_totp", ask or Nothing()))

    def enter_record(self, ask: EnterRecord) -> RecordState:
        """Enter a record / 录入一条记录: POST /v1/records"""
        return self._read(RecordState, self._call("enter_record", ask))

    def erasure_receipt(self, ask: OrderId) -> ErasureReceipt:
        """Receipt of an erasure / 删除回执: GET /v1/erasures/{order_id}/receipt"""
        return self._read(ErasureReceipt, self._call("erasure_receipt", ask))

    def explain_access(self, ask: ExplainAccess) -> ExplanationOut:
        """Why it is allowed or refused / 说明为何允许或拒绝: POST /v1/policy/explain"""
        return self._read(ExplanationOut, self._call("explain_access", ask))

    def export(self, ask: Export) -> bytes:
        """Export a file / 导出文件: POST /v1/export"""
        return self._call("export", ask)

    def export_evidence(self, ask: ExportEvidence | None = None) -> bytes:
        """Export evidence / 导出证据包: POST /v1/trail/evidence"""
        return self._call("export_evidence", ask or ExportEvidence())

    def finish_oidc(self, ask: FinishOidc | None = None) -> OidcSignedIn:
        """Return from the identity provider / 完成统一身份认证: GET /v1/oidc/callback"""
        return self._read(OidcSignedIn, self._call("finish_oidc", ask or FinishOidc()))

    def get_attachment(self, ask: GetAttachment) -> AttachmentContent:
        """Get an attachment / 下载附件: GET /v1/requests/{request_id}/attachments/{attachment_id}"""
        return self._read(AttachmentContent, self._call("get_attachment", ask))

    def get_client(self, ask: GetClient) -> ClientView:
        """A client's card and what to ask for / 客户名片与可申请数据: GET /v1/clients/{client_id}"""
        return self._read(ClientView, self._call("get_client", ask))

    def get_grant(self, ask: GetGrant) -> GrantOut:
        """Show a grant / 查看授权: GET /v1/grants/{grant_id}"""
        return self._read(GrantOut, self._call("get_grant", ask))

    def get_item(self, ask: GetItem) -> ItemOut:
        """Show a data item / 查看数据项: GET /v1/catalogue/items/{item_code}"""
        return self._read(ItemOut, self._call("get_item", ask))

    def get_person(self, ask: GetPerson) -> PersonOut:
        """Show a person / 查看人员: GET /v1/people/{person_id}"""
        return self._read(PersonOut, self._call("get_person", ask))

    def get_request(self, ask: GetRequest) -> RequestOut:
        """Show a request / 查看申请: GET /v1/requests/{request_id}"""
        return self._read(RequestOut, self._call("get_request", ask))

    def get_upload(self, ask: GetUpload) -> UploadOut:
        """Progress of an upload / 上传进度: GET /v1/uploads/{upload_id}"""
        return self._read(UploadOut, self._call("get_upload", ask))

    def grant_receipt(self, ask: GrantReceipt) -> ReceiptOut:
        """Receipt of a grant / 授权的账本回执: GET /v1/grants/{grant_id}/receipt"""
        return self._read(ReceiptOut, self._call("grant_receipt", ask))

    def grants_about_to_expire(self, ask: GrantsAboutToExpire | None = None) -> Page[GrantOut]:
        """Grants about to expire / 即将到期的授权: GET /v1/grants/expiring"""
        return self._read(Page[GrantOut], self._call("grants_about_to_expire", ask or GrantsAboutToExpire()))

    def import_catalogue(self, ask: ImportCatalogue) -> ImportOut:
        """Import a catalogue / 导入数据清单: POST /v1/catalogue/import"""
        return self._read(ImportOut, self._call("import_catalogue", ask))

    def issue_token(self, ask: IssueToken) -> TokenOut:
        """Exchange an assertion for a token / 换取访问令牌: POST /v1/token"""
        return self._read(TokenOut, self._call("issue_token", ask))

    def item_history(self, ask: ItemHistory) -> Page[ItemVersionOut]:
        """Versions of a data item / 数据项历史版本: GET /v1/catalogue/items/{item_code}/history"""
        return self._read(Page[ItemVersionOut], self._call("item_history", ask))

    def key_status(self, ask: Nothing | None = None) -> KeyStatus:
        """State of the keys / 密钥状况: GET /v1/keys/status"""
        return self._read(KeyStatus, self._call("key_status", ask or Nothing()))

    def leave_person(self, ask: LeavePerson) -> PersonOut:
        """A person has left / 人员离职: POST /v1/people/{person_id}/leave"""
        return self._read(PersonOut, self._call("leave_person", ask))

    def ledger_heads(self, ask: Nothing | None = None) -> Heads:
        """Heads of the logs / 账本当前检查点: GET /v1/ledger"""
        return self._read(Heads, self._call("ledger_heads", ask or Nothing()))

    def link_identity(self, ask: LinkIdentity) -> Done:
        """Link a provider's identity / 绑定统一身份: POST /v1/people/{person_id}/identities"""
        return self._read(Done, self._call("link_identity", ask))

    def list_api_keys(self, ask: ListApiKeys | None = None) -> Page[ApiKeyOut]:
        """List API keys / API 密钥列表: GET /v1/api-keys"""
        return self._read(Page[ApiKeyOut], self._call("list_api_keys", ask or ListApiKeys()))

    def list_client_keys(self, ask: ListClientKeys) -> Page[ClientKeyOut]:
        """List a client's public keys / 客户端公钥列表: GET /v1/people/{person_id}/client-keys"""
        return self._read(Page[ClientKeyOut], self._call("list_client_keys", ask))

    def list_consents(self, ask: ListConsents | None = None) -> Page[ConsentOut]:
        """List consents / 同意与授权列表: GET /v1/consents"""
        return self._read(Page[ConsentOut], self._call("list_consents", ask or ListConsents()))

    def list_crossings(self, ask: ListBarriers | None = None) -> Page[BarrierOut]:
        """List wall crossings / 跨墙列表: GET /v1/crossings"""
        return self._read(Page[BarrierOut], self._call("list_crossings", ask or ListBarriers()))

    def list_erasures(self, ask: ListOrders | None = None) -> Page[ErasureOut]:
        """List erasures / 删除列表: GET /v1/erasures"""
        return self._read(Page[ErasureOut], self._call("list_erasures", ask or ListOrders()))

    def list_grants(self, ask: ListGrants | None = None) -> Page[GrantOut]:
        """List grants / 授权列表: GET /v1/grants"""
        return self._read(Page[GrantOut], self._call("list_grants", ask or ListGrants()))

    def list_groups(self, ask: Nothing | None = None) -> Page[GroupOut]:
        """List the field groups / 字段组列表: GET /v1/catalogue/groups"""
        return self._read(Page[GroupOut], self._call("list_groups", ask or Nothing()))

    def list_institutions(self, ask: ListInstitutions | None = None) -> Page[InstitutionOut]:
        """List institutions / 机构列表: GET /v1/institutions"""
        return self._read(Page[InstitutionOut], self._call("list_institutions", ask or ListInstitutions()))

    def list_item_changes(self, ask: ListItemChanges | None = None) -> Page[ChangeOut]:
        """List changes of items / 数据项变更列表: GET /v1/catalogue/changes"""
        return self._read(Page[ChangeOut], self._call("list_item_changes", ask or ListItemChanges()))

    def list_key_orders(self, ask: ListOrders | None = None) -> Page[KeyOrderOut]:
        """List orders about keys / 轮换与销毁指令: GET /v1/keys/orders"""
        return self._read(Page[KeyOrderOut], self._call("list_key_orders", ask or ListOrders()))

    def list_keys(self, ask: ListKeys | None = None) -> Page[KeyOut]:
        """List keys / 密钥列表: GET /v1/keys"""
        return self._read(Page[KeyOut], self._call("list_keys", ask or ListKeys()))

    def list_listings(self, ask: ListBarriers | None = None) -> Page[BarrierOut]:
        """List listings / 名单与静默期列表: GET /v1/listings"""
        return self._read(Page[BarrierOut], self._call("list_listings", ask or ListBarriers()))

    def list_memberships(self, ask: MembershipsOf) -> Page[MembershipOut]:
        """Changes of roles, with their ledger entries / 角色变更记录: GET /v1/people/{person_id}/memberships"""
        return self._read(Page[MembershipOut], self._call("list_memberships", ask))

    def list_notices(self, ask: ListNotices | None = None) -> NoticePage:
        """List notices / 通知列表: GET /v1/notices"""
        return self._read(NoticePage, self._call("list_notices", ask or ListNotices()))

    def list_people(self, ask: ListPeople | None = None) -> Page[PersonOut]:
        """List people / 人员列表: GET /v1/people"""
        return self._read(Page[PersonOut], self._call("list_people", ask or ListPeople()))

    def list_purposes(self, ask: Nothing | None = None) -> Page[PurposeOut]:
        """List the purpose codes / 用途代码列表: GET /v1/purposes"""
        return self._read(Page[PurposeOut], self._call("list_purposes", ask or Nothing()))

    def list_refusal_reasons(self, ask: Nothing | None = None) -> Page[RefusalReasonOut]:
        """List the reasons for a rejection / 拒绝理由代码: GET /v1/refusal-reasons"""
        return self._read(Page[RefusalReasonOut], self._call("list_refusal_reasons", ask or Nothing()))

    def list_requests(self, ask: ListRequests | None = None) -> Page[RequestSummary]:
        """List requests / 申请列表: GET /v1/requests"""
        return self._read(Page[RequestSummary], self._call("list_requests", ask or ListRequests()))

    def list_rules(self, ask: ListRules | None = None) -> RulesOut:
        """The rules in force / 现行规则: GET /v1/policy/rules"""
        return self._read(RulesOut, self._call("list_rules", ask or ListRules()))

    def list_sessions(self, ask: ListSessions | None = None) -> Page[SessionListed]:
        """List sessions / 会话列表: GET /v1/sessions"""
        return self._read(Page[SessionListed], self._call("list_sessions", ask or ListSessions()))

    def list_suppressions(self, ask: ListBarriers | None = None) -> Page[BarrierOut]:
        """List name suppressions / 名称屏蔽列表: GET /v1/suppressions"""
        return self._read(Page[BarrierOut], self._call("list_suppressions", ask or ListBarriers()))

    def list_units(self, ask: ListUnits | None = None) -> Page[UnitOut]:
        """List units / 部门列表: GET /v1/units"""
        return self._read(Page[UnitOut], self._call("list_units", ask or ListUnits()))

    def list_uploads(self, ask: Paged | None = None) -> Page[UploadOut]:
        """List uploads / 上传列表: GET /v1/uploads"""
        return self._read(Page[UploadOut], self._call("list_uploads", ask or Paged()))

    def list_webhooks(self, ask: Nothing | None = None) -> Page[WebhookOut]:
        """List webhooks / 回调地址列表: GET /v1/webhooks"""
        return self._read(Page[WebhookOut], self._call("list_webhooks", ask or Nothing()))

    def preview_request(self, ask: PreviewRequest | None = None) -> PreviewOut:
        """Preview route, clocks and needs of a request / 预览申请的审批路径与所需材料: POST /v1/requests/preview"""
        return self._read(PreviewOut, self._call("preview_request", ask or PreviewRequest()))

    def propose_erasure(self, ask: ProposeErasure) -> ErasureOut:
        """Propose an erasure / 提出删除: POST /v1/erasures"""
        return self._read(ErasureOut, self._call("propose_erasure", ask))

    def propose_item_change(self, ask: ProposeItemChange) -> ChangeOut:
        """Propose a change of an item / 提出数据项变更: POST /v1/catalogue/items/{item_code}/changes"""
        return self._read(ChangeOut, self._call("propose_item_change", ask))

    def propose_key_destruction(self, ask: ProposeKeyDestruction) -> KeyOrderOut:
        """Propose a destruction / 提出密钥销毁: POST /v1/keys/destructions"""
        return self._read(KeyOrderOut, self._call("propose_key_destruction", ask))

    def propose_key_rotation(self, ask: ProposeKeyOrder) -> KeyOrderOut:
        """Propose a rotation / 提出密钥轮换: POST /v1/keys/rotations"""
        return self._read(KeyOrderOut, self._call("propose_key_rotation", ask))

    def propose_listing(self, ask: ProposeListing) -> BarrierOut:
        """Propose a listing / 提出名单与静默期: POST /v1/listings"""
        return self._read(BarrierOut, self._call("propose_listing", ask))

    def propose_suppression(self, ask: ProposeSuppression) -> BarrierOut:
        """Propose a name suppression / 提出名称屏蔽: POST /v1/suppressions"""
        return self._read(BarrierOut, self._call("propose_suppression", ask))

    def query(self, ask: Query) -> RecordPage:
        """Query records / 批量查询: POST /v1/query"""
        return self._read(RecordPage, self._call("query", ask))

    def read_notice(self, ask: ReadNotice) -> Done:
        """Mark a notice as read / 标为已读: POST /v1/notices/{notice_id}/read"""
        return self._read(Done, self._call("read_notice", ask))

    def record_history(self, ask: RecordHistory) -> RecordChanges:
        """History of a record / 变更历史: GET /v1/records/{record_id}/history"""
        return self._read(RecordChanges, self._call("record_history", ask))

    def record_receivers(self, ask: RecordReceivers) -> Receivers:
        """Who receives a record / 谁可读取: GET /v1/records/{record_id}/receivers"""
        return self._read(Receivers, self._call("record_receivers", ask))

    def register_client(self, ask: RegisterClient) -> ClientRegistered:
        """Register a client / 登记客户: POST /v1/clients"""
        return self._read(ClientRegistered, self._call("register_client", ask))

    def register_client_key(self, ask: RegisterClientKey) -> ClientKeyOut:
        """Register a client's public key / 登记客户端公钥: POST /v1/people/{person_id}/client-keys"""
        return self._read(ClientKeyOut, self._call("register_client_key", ask))

    def register_consent(self, ask: RegisterConsent) -> ConsentOut:
        """Register a consent / 登记同意或授权: POST /v1/consents"""
        return self._read(ConsentOut, self._call("register_consent", ask))

    def register_webhook(self, ask: RegisterWebhook) -> WebhookOut:
        """Register a webhook / 登记回调地址: POST /v1/webhooks"""
        return self._read(WebhookOut, self._call("register_webhook", ask))

    def reject_item_change(self, ask: RejectItemChange) -> ChangeOut:
        """Reject a change of an item / 驳回数据项变更: POST /v1/catalogue/changes/{change_id}/reject"""
        return self._read(ChangeOut, self._call("reject_item_change", ask))

    def reject_request(self, ask: RejectRequest) -> RequestOut:
        """Reject a request / 拒绝申请: POST /v1/requests/{request_id}/reject"""
        return self._read(RequestOut, self._call("reject_request", ask))

    def remove_totp(self, ask: RemoveTotp) -> Done:
        """Remove a lost second factor / 移除动态验证码: DELETE /v1/people/{person_id}/totp"""
        return self._read(Done, self._call("remove_totp", ask))

    def remove_webhook(self, ask: RemoveWebhook) -> Done:
        """Remove a webhook / 删除回调地址: DELETE /v1/webhooks/{webhook_id}"""
        return self._read(Done, self._call("remove_webhook", ask))

    def renew_grant(self, ask: RenewGrant) -> GrantMoved:
        """Renew a grant / 续期授权: POST /v1/grants/{grant_id}/renew"""
        return self._read(GrantMoved, self._call("renew_grant", ask))

    def request_crossing(self, ask: RequestCrossing) -> BarrierOut:
        """Request a wall crossing / 提出跨墙: POST /v1/crossings"""
        return self._read(BarrierOut, self._call("request_crossing", ask))

    def request_timeline(self, ask: RequestTimeline) -> Page[TimelineEntry]:
        """Timeline of a request / 申请经过: GET /v1/requests/{request_id}/timeline"""
        return self._read(Page[TimelineEntry], self._call("request_timeline", ask))

    def reset_password(self, ask: ResetPassword) -> OneTimeOut:
        """Reset a password / 重置密码: POST /v1/people/{person_id}/password-reset"""
        return self._read(OneTimeOut, self._call("reset_password", ask))

    def return_request(self, ask: ReturnRequest) -> RequestOut:
        """Return for correction / 退回补正: POST /v1/requests/{request_id}/return"""
        return self._read(RequestOut, self._call("return_request", ask))

    def revoke_api_key(self, ask: RevokeApiKey) -> Done:
        """Revoke an API key / 吊销 API 密钥: DELETE /v1/api-keys/{key_id}"""
        return self._read(Done, self._call("revoke_api_key", ask))

    def revoke_client_key(self, ask: RevokeClientKey) -> Done:
        """Revoke a client's public key / 吊销客户端公钥: DELETE /v1/people/{person_id}/client-keys/{kid}"""
        return self._read(Done, self._call("revoke_client_key", ask))

    def revoke_grant(self, ask: RevokeGrant) -> GrantMoved:
        """Revoke a grant / 撤销授权: POST /v1/grants/{grant_id}/revoke"""
        return self._read(GrantMoved, self._call("revoke_grant", ask))

    def revoke_session(self, ask: RevokeSession) -> Done:
        """End a session / 结束会话: DELETE /v1/sessions/{token_id}"""
        return self._read(Done, self._call("revoke_session", ask))

    def search_catalogue(self, ask: SearchCatalogue | None = None) -> CataloguePage:
        """Search the catalogue / 检索数据清单: GET /v1/catalogue/items"""
        return self._read(CataloguePage, self._call("search_catalogue", ask or SearchCatalogue()))

    def search_clients(self, ask: SearchClients | None = None) -> CardPage:
        """Search clients by name / 检索客户名称: GET /v1/clients"""
        return self._read(CardPage, self._call("search_clients", ask or SearchClients()))

    def search_trail(self, ask: SearchTrail | None = None) -> Page[EventOut]:
        """Search the trail / 检索留痕: GET /v1/trail"""
        return self._read(Page[EventOut], self._call("search_trail", ask or SearchTrail()))

    def set_institution_state(self, ask: SetInstitutionState) -> InstitutionOut:
        """Admit, suspend or end an institution / 准入、停用或退出机构: POST /v1/institutions/{institution_id}/state"""
        return self._read(InstitutionOut, self._call("set_institution_state", ask))

    def set_password(self, ask: SetPassword) -> Done:
        """Set a password / 设置密码: POST /v1/password"""
        return self._read(Done, self._call("set_password", ask))

    def sign_in(self, ask: SignIn) -> SessionOut:
        """Sign in / 登录: POST /v1/session"""
        return self._read(SessionOut, self._call("sign_in", ask))

    def sign_out(self, ask: Nothing | None = None) -> Done:
        """Sign out / 退出登录: DELETE /v1/session"""
        return self._read(Done, self._call("sign_out", ask or Nothing()))

    def start_oidc(self, ask: StartOidc | None = None) -> OidcStarted:
        """Begin sign-in at the identity provider / 开始统一身份认证: GET /v1/oidc/start"""
        return self._read(OidcStarted, self._call("start_oidc", ask or StartOidc()))

    def submit_request(self, ask: SubmitRequest) -> RequestOut:
        """Submit a request / 提交申请: POST /v1/requests/{request_id}/submit"""
        return self._read(RequestOut, self._call("submit_request", ask))

    def suspend_person(self, ask: SuspendPerson) -> PersonOut:
        """Suspend or restore a person / 停用或恢复人员: POST /v1/people/{person_id}/suspension"""
        return self._read(PersonOut, self._call("suspend_person", ask))

    def transfer_person(self, ask: TransferPerson) -> PersonOut:
        """Transfer a person / 调岗: POST /v1/people/{person_id}/transfer"""
        return self._read(PersonOut, self._call("transfer_person", ask))

    def upload_errors(self, ask: UploadErrors) -> bytes:
        """Error report / 错误报告: GET /v1/uploads/{upload_id}/errors"""
        return self._call("upload_errors", ask)

    def verify(self, ask: Verify) -> Verified:
        """Verify yes or no / 核验是否: POST /v1/verify"""
        return self._read(Verified, self._call("verify", ask))

    def verify_receipt(self, ask: VerifyReceipt) -> ReceiptVerdict:
        """Verify a receipt / 核验回执: POST /v1/ledger/verify"""
        return self._read(ReceiptVerdict, self._call("verify_receipt", ask))

    def what_can(self, ask: WhatCan) -> Page[ReadableOut]:
        """What a person can read / 能读取什么: GET /v1/policy/what-can"""
        return self._read(Page[ReadableOut], self._call("what_can", ask))

    def who_can(self, ask: WhoCan) -> Page[ReaderOut]:
        """Everybody who can read it / 谁能读取: GET /v1/policy/who-can"""
        return self._read(Page[ReaderOut], self._call("who_can", ask))

    def who_reads_my_data(self, ask: WhoReadsMyData | None = None) -> Page[ReadershipOut]:
        """Who reads my unit's data / 谁在使用我方数据: GET /v1/grants/readership"""
        return self._read(Page[ReadershipOut], self._call("who_reads_my_data", ask or WhoReadsMyData()))

    def whoami(self, ask: Nothing | None = None) -> SessionOut:
        """Who is signed in / 当前身份: GET /v1/session"""
        return self._read(SessionOut, self._call("whoami", ask or Nothing()))

    def withdraw_consent(self, ask: WithdrawConsent) -> ConsentOut:
        """Withdraw a consent / 撤回同意: POST /v1/consents/{consent_id}/withdraw"""
        return self._read(ConsentOut, self._call("withdraw_consent", ask))

    def withdraw_record(self, ask: WithdrawRecord) -> RecordState:
        """Withdraw a record / 撤回记录: POST /v1/records/{record_id}/withdraw"""
        return self._read(RecordState, self._call("withdraw_record", ask))

    def withdraw_request(self, ask: WithdrawRequest) -> RequestOut:
        """Withdraw a request / 撤回申请: POST /v1/requests/{request_id}/withdraw"""
        return self._read(RequestOut, self._call("withdraw_request", ask))

    def withdraw_upload(self, ask: WithdrawUpload) -> UploadOut:
        """Withdraw an upload / 撤回上传: POST /v1/uploads/{upload_id}/withdraw"""
        return self._read(UploadOut, self._call("withdraw_upload", ask))


class AsyncVerbs(AsyncTransport):
    """Every verb of the gateway, awaited over HTTP."""

    async def accept_offer(self, ask: AcceptOffer) -> RequestOut:
        """Accept the counter-offer / 接受缩减方案: POST /v1/requests/{request_id}/accept"""
        return self._read(RequestOut, await self._call("accept_offer", ask))

    async def add_attachment(self, ask: AddAttachment) -> AttachmentOut:
        """Add an attachment / 上传附件: POST /v1/requests/{request_id}/attachments"""
        return self._read(AttachmentOut, await self._call("add_attachment", ask))

    async def approve_crossing(self, ask: BarrierId) -> BarrierOut:
        """Approve a wall crossing / 确认跨墙: POST /v1/crossings/{barrier_id}/approve"""
        return self._read(BarrierOut, await self._call("approve_crossing", ask))

    async def approve_request(self, ask: ApproveRequest) -> RequestOut:
        """Approve, wholly or in part / 审批同意(可缩减): POST /v1/requests/{request_id}/approve"""
        return self._read(RequestOut, await self._call("approve_request", ask))

    async def catalogue_answerable(self, ask: CatalogueAnswerable) -> AnswerableOut:
        """Who answers for a data item / 数据项责任方: GET /v1/catalogue/items/{item_code}/answerable"""
        return self._read(AnswerableOut, await self._call("catalogue_answerable", ask))

    async def change_person(self, ask: ChangePerson) -> PersonOut:
        """Change a person and its rights / 变更人员资料与权限: PATCH /v1/people/{person_id}"""
        return self._read(PersonOut, await self._call("change_person", ask))

    async def change_request(self, ask: ChangeRequest) -> RequestOut:
        """Change a draft or returned request / 修改申请: PUT /v1/requests/{request_id}"""
        return self._read(RequestOut, await self._call("change_request", ask))

    async def confirm_erasure(self, ask: OrderId) -> ErasureOut:
        """Confirm an erasure / 确认删除: POST /v1/erasures/{order_id}/confirm"""
        return self._read(ErasureOut, await self._call("confirm_erasure", ask))

    async def confirm_key_destruction(self, ask: OrderId) -> KeyOrderOut:
        """Confirm a destruction / 确认密钥销毁: POST /v1/keys/destructions/{order_id}/confirm"""
        return self._read(KeyOrderOut, await self._call("confirm_key_destruction", ask))

    async def confirm_key_rotation(self, ask: OrderId) -> KeyOrderOut:
        """Confirm a rotation / 确认密钥轮换: POST /v1/keys/rotations/{order_id}/confirm"""
        return self._read(KeyOrderOut, await self._call("confirm_key_rotation", ask))

    async def confirm_listing(self, ask: BarrierId) -> BarrierOut:
        """Confirm a listing / 确认名单与静默期: POST /v1/listings/{barrier_id}/confirm"""
        return self._read(BarrierOut, await self._call("confirm_listing", ask))

    async def confirm_suppression(self, ask: BarrierId) -> BarrierOut:
        """Confirm a name suppression / 确认名称屏蔽: POST /v1/suppressions/{barrier_id}/confirm"""
        return self._read(BarrierOut, await self._call("confirm_suppression", ask))

    async def confirm_totp(self, ask: ConfirmTotp) -> Done:
        """Confirm the second factor / 确认动态验证码: POST /v1/totp/confirmation"""
        return self._read(Done, await self._call("confirm_totp", ask))

    async def correct_record(self, ask: CorrectRecord) -> RecordState:
        """Correct a record / 更正记录: POST /v1/records/{record_id}/correct"""
        return self._read(RecordState, await self._call("correct_record", ask))

    async def countersign_item_change(self, ask: CountersignItemChange) -> ChangeOut:
        """Countersign a change of an item / 复核数据项变更: POST /v1/catalogue/changes/{change_id}/countersign"""
        return self._read(ChangeOut, await self._call("countersign_item_change", ask))

    async def create_api_key(self, ask: CreateApiKey) -> ApiKeyCreated:
        """Create an API key / 新建 API 密钥: POST /v1/api-keys"""
        return self._read(ApiKeyCreated, await self._call("create_api_key", ask))

    async def create_institution(self, ask: CreateInstitution) -> InstitutionOut:
        """Register an institution / 登记机构: POST /v1/institutions"""
        return self._read(InstitutionOut, await self._call("create_institution", ask))

    async def create_person(self, ask: CreatePerson) -> PersonCreated:
        """Create a person / 新建人员: POST /v1/people"""
        return self._read(PersonCreated, await self._call("create_person", ask))

    async def create_request(self, ask: CreateRequest | None = None) -> RequestOut:
        """Create a draft request / 新建申请草稿: POST /v1/requests"""
        return self._read(RequestOut, await self._call("create_request", ask or CreateRequest()))

    async def create_service_account(self, ask: CreateServiceAccount) -> PersonOut:
        """Create a service account / 新建服务账户: POST /v1/service-accounts"""
        return self._read(PersonOut, await self._call("create_service_account", ask))

    async def create_unit(self, ask: CreateUnit) -> UnitOut:
        """Create a unit / 新建部门: POST /v1/units"""
        return self._read(UnitOut, await self._call("create_unit", ask))

    async def decline_offer(self, ask: DeclineOffer) -> RequestOut:
        """Decline the counter-offer / 不接受缩减方案: POST /v1/requests/{request_id}/decline"""
        return self._read(RequestOut, await self._call("decline_offer", ask))

    async def delegate_step(self, ask: DelegateStep) -> RequestOut:
        """Hand a step to a colleague / 委托代办: POST /v1/requests/{request_id}/delegate"""
        return self._read(RequestOut, await self._call("delegate_step", ask))

    async def disclose(self, ask: Disclose) -> Disclosure:
        """Read one record / 读取一条记录: POST /v1/records/{record_id}/disclose"""
        return self._read(Disclosure, await self._call("disclose", ask))

    async def download_template(self, ask: DownloadTemplate) -> bytes:
        """Download a template / 下载模板: GET /v1/templates/{kind}"""
        return await self._call("download_template", ask)

    async def end_crossing(self, ask: BarrierId) -> BarrierOut:
        """End a wall crossing / 终止跨墙: POST /v1/crossings/{barrier_id}/end"""
        return self._read(BarrierOut, await self._call("end_crossing", ask))

    async def end_listing(self, ask: BarrierId) -> BarrierOut:
        """End a listing / 终止名单与静默期: POST /v1/listings/{barrier_id}/end"""
        return self._read(BarrierOut, await self._call("end_listing", ask))

    async def end_suppression(self, ask: BarrierId) -> BarrierOut:
        """End a name suppression / 终止名称屏蔽: POST /v1/suppressions/{barrier_id}/end"""
        return self._read(BarrierOut, await self._call("end_suppression", ask))

    async def endorse_request(self, ask: EndorseRequest) -> RequestOut:
        """Endorse as department head / 部门负责人同意: POST /v1/requests/{request_id}/endorse"""
        return self._read(RequestOut, await self._call("endorse_request", ask))

    async def enrol_totp(self, ask: Nothing | None = None) -> TotpOffered:
        """Enrol a second factor / 启用动态验证码: POST /v1/totp"""
        return self._read(TotpOffered, await self._call("enrol_totp", ask or Nothing()))

    async def enter_record(self, ask: EnterRecord) -> RecordState:
        """Enter a record / 录入一条记录: POST /v1/records"""
        return self._read(RecordState, await self._call("enter_record", ask))

    async def erasure_receipt(self, ask: OrderId) -> ErasureReceipt:
        """Receipt of an erasure / 删除回执: GET /v1/erasures/{order_id}/receipt"""
        return self._read(ErasureReceipt, await self._call("erasure_receipt", ask))

    async def explain_access(self, ask: ExplainAccess) -> ExplanationOut:
        """Why it is allowed or refused / 说明为何允许或拒绝: POST /v1/policy/explain"""
        return self._read(ExplanationOut, await self._call("explain_access", ask))

    async def export(self, ask: Export) -> bytes:
        """Export a file / 导出文件: POST /v1/export"""
        return await self._call("export", ask)

    async def export_evidence(self, ask: ExportEvidence | None = None) -> bytes:
        """Export evidence / 导出证据包: POST /v1/trail/evidence"""
        return await self._call("export_evidence", ask or ExportEvidence())

    async def finish_oidc(self, ask: FinishOidc | None = None) -> OidcSignedIn:
        """Return from the identity provider / 完成统一身份认证: GET /v1/oidc/callback"""
        return self._read(OidcSignedIn, await self._call("finish_oidc", ask or FinishOidc()))

    async def get_attachment(self, ask: GetAttachment) -> AttachmentContent:
        """Get an attachment / 下载附件: GET /v1/requests/{request_id}/attachments/{attachment_id}"""
        return self._read(AttachmentContent, await self._call("get_attachment", ask))

    async def get_client(self, ask: GetClient) -> ClientView:
        """A client's card and what to ask for / 客户名片与可申请数据: GET /v1/clients/{client_id}"""
        return self._read(ClientView, await self._call("get_client", ask))

    async def get_grant(self, ask: GetGrant) -> GrantOut:
        """Show a grant / 查看授权: GET /v1/grants/{grant_id}"""
        return self._read(GrantOut, await self._call("get_grant", ask))

    async def get_item(self, ask: GetItem) -> ItemOut:
        """Show a data item / 查看数据项: GET /v1/catalogue/items/{item_code}"""
        return self._read(ItemOut, await self._call("get_item", ask))

    async def get_person(self, ask: GetPerson) -> PersonOut:
        """Show a person / 查看人员: GET /v1/people/{person_id}"""
        return self._read(PersonOut, await self._call("get_person", ask))

    async def get_request(self, ask: GetRequest) -> RequestOut:
        """Show a request / 查看申请: GET /v1/requests/{request_id}"""
        return self._read(RequestOut, await self._call("get_request", ask))

    async def get_upload(self, ask: GetUpload) -> UploadOut:
        """Progress of an upload / 上传进度: GET /v1/uploads/{upload_id}"""
        return self._read(UploadOut, await self._call("get_upload", ask))

    async def grant_receipt(self, ask: GrantReceipt) -> ReceiptOut:
        """Receipt of a grant / 授权的账本回执: GET /v1/grants/{grant_id}/receipt"""
        return self._read(ReceiptOut, await self._call("grant_receipt", ask))

    async def grants_about_to_expire(self, ask: GrantsAboutToExpire | None = None) -> Page[GrantOut]:
        """Grants about to expire / 即将到期的授权: GET /v1/grants/expiring"""
        return self._read(Page[GrantOut], await self._call("grants_about_to_expire", ask or GrantsAboutToExpire()))

    async def import_catalogue(self, ask: ImportCatalogue) -> ImportOut:
        """Import a catalogue / 导入数据清单: POST /v1/catalogue/import"""
        return self._read(ImportOut, await self._call("import_catalogue", ask))

    async def issue_token(self, ask: IssueToken) -> TokenOut:
        """Exchange an assertion for a token / 换取访问令牌: POST /v1/token"""
        return self._read(TokenOut, await self._call("issue_token", ask))

    async def item_history(self, ask: ItemHistory) -> Page[ItemVersionOut]:
        """Versions of a data item / 数据项历史版本: GET /v1/catalogue/items/{item_code}/history"""
        return self._read(Page[ItemVersionOut], await self._call("item_history", ask))

    async def key_status(self, ask: Nothing | None = None) -> KeyStatus:
        """State of the keys / 密钥状况: GET /v1/keys/status"""
        return self._read(KeyStatus, await self._call("key_status", ask or Nothing()))

    async def leave_person(self, ask: LeavePerson) -> PersonOut:
        """A person has left / 人员离职: POST /v1/people/{person_id}/leave"""
        return self._read(PersonOut, await self._call("leave_person", ask))

    async def ledger_heads(self, ask: Nothing | None = None) -> Heads:
        """Heads of the logs / 账本当前检查点: GET /v1/ledger"""
        return self._read(Heads, await self._call("ledger_heads", ask or Nothing()))

    async def link_identity(self, ask: LinkIdentity) -> Done:
        """Link a provider's identity / 绑定统一身份: POST /v1/people/{person_id}/identities"""
        return self._read(Done, await self._call("link_identity", ask))

    async def list_api_keys(self, ask: ListApiKeys | None = None) -> Page[ApiKeyOut]:
        """List API keys / API 密钥列表: GET /v1/api-keys"""
        return self._read(Page[ApiKeyOut], await self._call("list_api_keys", ask or ListApiKeys()))

    async def list_client_keys(self, ask: ListClientKeys) -> Page[ClientKeyOut]:
        """List a client's public keys / 客户端公钥列表: GET /v1/people/{person_id}/client-keys"""
        return self._read(Page[ClientKeyOut], await self._call("list_client_keys", ask))

    async def list_consents(self, ask: ListConsents | None = None) -> Page[ConsentOut]:
        """List consents / 同意与授权列表: GET /v1/consents"""
        return self._read(Page[ConsentOut], await self._call("list_consents", ask or ListConsents()))

    async def list_crossings(self, ask: ListBarriers | None = None) -> Page[BarrierOut]:
        """List wall crossings / 跨墙列表: GET /v1/crossings"""
        return self._read(Page[BarrierOut], await self._call("list_crossings", ask or ListBarriers()))

    async def list_erasures(self, ask: ListOrders | None = None) -> Page[ErasureOut]:
        """List erasures / 删除列表: GET /v1/erasures"""
        return self._read(Page[ErasureOut], await self._call("list_erasures", ask or ListOrders()))

    async def list_grants(self, ask: ListGrants | None = None) -> Page[GrantOut]:
        """List grants / 授权列表: GET /v1/grants"""
        return self._read(Page[GrantOut], await self._call("list_grants", ask or ListGrants()))

    async def list_groups(self, ask: Nothing | None = None) -> Page[GroupOut]:
        """List the field groups / 字段组列表: GET /v1/catalogue/groups"""
        return self._read(Page[GroupOut], await self._call("list_groups", ask or Nothing()))

    async def list_institutions(self, ask: ListInstitutions | None = None) -> Page[InstitutionOut]:
        """List institutions / 机构列表: GET /v1/institutions"""
        return self._read(Page[InstitutionOut], await self._call("list_institutions", ask or ListInstitutions()))

    async def list_item_changes(self, ask: ListItemChanges | None = None) -> Page[ChangeOut]:
        """List changes of items / 数据项变更列表: GET /v1/catalogue/changes"""
        return self._read(Page[ChangeOut], await self._call("list_item_changes", ask or ListItemChanges()))

    async def list_key_orders(self, ask: ListOrders | None = None) -> Page[KeyOrderOut]:
        """List orders about keys / 轮换与销毁指令: GET /v1/keys/orders"""
        return self._read(Page[KeyOrderOut], await self._call("list_key_orders", ask or ListOrders()))

    async def list_keys(self, ask: ListKeys | None = None) -> Page[KeyOut]:
        """List keys / 密钥列表: GET /v1/keys"""
        return self._read(Page[KeyOut], await self._call("list_keys", ask or ListKeys()))

    async def list_listings(self, ask: ListBarriers | None = None) -> Page[BarrierOut]:
        """List listings / 名单与静默期列表: GET /v1/listings"""
        return self._read(Page[BarrierOut], await self._call("list_listings", ask or ListBarriers()))

    async def list_memberships(self, ask: MembershipsOf) -> Page[MembershipOut]:
        """Changes of roles, with their ledger entries / 角色变更记录: GET /v1/people/{person_id}/memberships"""
        return self._read(Page[MembershipOut], await self._call("list_memberships", ask))

    async def list_notices(self, ask: ListNotices | None = None) -> NoticePage:
        """List notices / 通知列表: GET /v1/notices"""
        return self._read(NoticePage, await self._call("list_notices", ask or ListNotices()))

    async def list_people(self, ask: ListPeople | None = None) -> Page[PersonOut]:
        """List people / 人员列表: GET /v1/people"""
        return self._read(Page[PersonOut], await self._call("list_people", ask or ListPeople()))

    async def list_purposes(self, ask: Nothing | None = None) -> Page[PurposeOut]:
        """List the purpose codes / 用途代码列表: GET /v1/purposes"""
        return self._read(Page[PurposeOut], await self._call("list_purposes", ask or Nothing()))

    async def list_refusal_reasons(self, ask: Nothing | None = None) -> Page[RefusalReasonOut]:
        """List the reasons for a rejection / 拒绝理由代码: GET /v1/refusal-reasons"""
        return self._read(Page[RefusalReasonOut], await self._call("list_refusal_reasons", ask or Nothing()))

    async def list_requests(self, ask: ListRequests | None = None) -> Page[RequestSummary]:
        """List requests / 申请列表: GET /v1/requests"""
        return self._read(Page[RequestSummary], await self._call("list_requests", ask or ListRequests()))

    async def list_rules(self, ask: ListRules | None = None) -> RulesOut:
        """The rules in force / 现行规则: GET /v1/policy/rules"""
        return self._read(RulesOut, await self._call("list_rules", ask or ListRules()))

    async def list_sessions(self, ask: ListSessions | None = None) -> Page[SessionListed]:
        """List sessions / 会话列表: GET /v1/sessions"""
        return self._read(Page[SessionListed], await self._call("list_sessions", ask or ListSessions()))

    async def list_suppressions(self, ask: ListBarriers | None = None) -> Page[BarrierOut]:
        """List name suppressions / 名称屏蔽列表: GET /v1/suppressions"""
        return self._read(Page[BarrierOut], await self._call("list_suppressions", ask or ListBarriers()))

    async def list_units(self, ask: ListUnits | None = None) -> Page[UnitOut]:
        """List units / 部门列表: GET /v1/units"""
        return self._read(Page[UnitOut], await self._call("list_units", ask or ListUnits()))

    async def list_uploads(self, ask: Paged | None = None) -> Page[UploadOut]:
        """List uploads / 上传列表: GET /v1/uploads"""
        return self._read(Page[UploadOut], await self._call("list_uploads", ask or Paged()))

    async def list_webhooks(self, ask: Nothing | None = None) -> Page[WebhookOut]:
        """List webhooks / 回调地址列表: GET /v1/webhooks"""
        return self._read(Page[WebhookOut], await self._call("list_webhooks", ask or Nothing()))

    async def preview_request(self, ask: PreviewRequest | None = None) -> PreviewOut:
        """Preview route, clocks and needs of a request / 预览申请的审批路径与所需材料: POST /v1/requests/preview"""
        return self._read(PreviewOut, await self._call("preview_request", ask or PreviewRequest()))

    async def propose_erasure(self, ask: ProposeErasure) -> ErasureOut:
        """Propose an erasure / 提出删除: POST /v1/erasures"""
        return self._read(ErasureOut, await self._call("propose_erasure", ask))

    async def propose_item_change(self, ask: ProposeItemChange) -> ChangeOut:
        """Propose a change of an item / 提出数据项变更: POST /v1/catalogue/items/{item_code}/changes"""
        return self._read(ChangeOut, await self._call("propose_item_change", ask))

    async def propose_key_destruction(self, ask: ProposeKeyDestruction) -> KeyOrderOut:
        """Propose a destruction / 提出密钥销毁: POST /v1/keys/destructions"""
        return self._read(KeyOrderOut, await self._call("propose_key_destruction", ask))

    async def propose_key_rotation(self, ask: ProposeKeyOrder) -> KeyOrderOut:
        """Propose a rotation / 提出密钥轮换: POST /v1/keys/rotations"""
        return self._read(KeyOrderOut, await self._call("propose_key_rotation", ask))

    async def propose_listing(self, ask: ProposeListing) -> BarrierOut:
        """Propose a listing / 提出名单与静默期: POST /v1/listings"""
        return self._read(BarrierOut, await self._call("propose_listing", ask))

    async def propose_suppression(self, ask: ProposeSuppression) -> BarrierOut:
        """Propose a name suppression / 提出名称屏蔽: POST /v1/suppressions"""
        return self._read(BarrierOut, await self._call("propose_suppression", ask))

    async def query(self, ask: Query) -> RecordPage:
        """Query records / 批量查询: POST /v1/query"""
        return self._read(RecordPage, await self._call("query", ask))

    async def read_notice(self, ask: ReadNotice) -> Done:
        """Mark a notice as read / 标为已读: POST /v1/notices/{notice_id}/read"""
        return self._read(Done, await self._call("read_notice", ask))

    async def record_history(self, ask: RecordHistory) -> RecordChanges:
        """History of a record / 变更历史: GET /v1/records/{record_id}/history"""
        return self._read(RecordChanges, await self._call("record_history", ask))

    async def record_receivers(self, ask: RecordReceivers) -> Receivers:
        """Who receives a record / 谁可读取: GET /v1/records/{record_id}/receivers"""
        return self._read(Receivers, await self._call("record_receivers", ask))

    async def register_client(self, ask: RegisterClient) -> ClientRegistered:
        """Register a client / 登记客户: POST /v1/clients"""
        return self._read(ClientRegistered, await self._call("register_client", ask))

    async def register_client_key(self, ask: RegisterClientKey) -> ClientKeyOut:
        """Register a client's public key / 登记客户端公钥: POST /v1/people/{person_id}/client-keys"""
        return self._read(ClientKeyOut, await self._call("register_client_key", ask))

    async def register_consent(self, ask: RegisterConsent) -> ConsentOut:
        """Register a consent / 登记同意或授权: POST /v1/consents"""
        return self._read(ConsentOut, await self._call("register_consent", ask))

    async def register_webhook(self, ask: RegisterWebhook) -> WebhookOut:
        """Register a webhook / 登记回调地址: POST /v1/webhooks"""
        return self._read(WebhookOut, await self._call("register_webhook", ask))

    async def reject_item_change(self, ask: RejectItemChange) -> ChangeOut:
        """Reject a change of an item / 驳回数据项变更: POST /v1/catalogue/changes/{change_id}/reject"""
        return self._read(ChangeOut, await self._call("reject_item_change", ask))

    async def reject_request(self, ask: RejectRequest) -> RequestOut:
        """Reject a request / 拒绝申请: POST /v1/requests/{request_id}/reject"""
        return self._read(RequestOut, await self._call("reject_request", ask))

    async def remove_totp(self, ask: RemoveTotp) -> Done:
        """Remove a lost second factor / 移除动态验证码: DELETE /v1/people/{person_id}/totp"""
        return self._read(Done, await self._call("remove_totp", ask))

    async def remove_webhook(self, ask: RemoveWebhook) -> Done:
        """Remove a webhook / 删除回调地址: DELETE /v1/webhooks/{webhook_id}"""
        return self._read(Done, await self._call("remove_webhook", ask))

    async def renew_grant(self, ask: RenewGrant) -> GrantMoved:
        """Renew a grant / 续期授权: POST /v1/grants/{grant_id}/renew"""
        return self._read(GrantMoved, await self._call("renew_grant", ask))

    async def request_crossing(self, ask: RequestCrossing) -> BarrierOut:
        """Request a wall crossing / 提出跨墙: POST /v1/crossings"""
        return self._read(BarrierOut, await self._call("request_crossing", ask))

    async def request_timeline(self, ask: RequestTimeline) -> Page[TimelineEntry]:
        """Timeline of a request / 申请经过: GET /v1/requests/{request_id}/timeline"""
        return self._read(Page[TimelineEntry], await self._call("request_timeline", ask))

    async def reset_password(self, ask: ResetPassword) -> OneTimeOut:
        """Reset a password / 重置密码: POST /v1/people/{person_id}/password-reset"""
        return self._read(OneTimeOut, await self._call("reset_password", ask))

    async def return_request(self, ask: ReturnRequest) -> RequestOut:
        """Return for correction / 退回补正: POST /v1/requests/{request_id}/return"""
        return self._read(RequestOut, await self._call("return_request", ask))

    async def revoke_api_key(self, ask: RevokeApiKey) -> Done:
        """Revoke an API key / 吊销 API 密钥: DELETE /v1/api-keys/{key_id}"""
        return self._read(Done, await self._call("revoke_api_key", ask))

    async def revoke_client_key(self, ask: RevokeClientKey) -> Done:
        """Revoke a client's public key / 吊销客户端公钥: DELETE /v1/people/{person_id}/client-keys/{kid}"""
        return self._read(Done, await self._call("revoke_client_key", ask))

    async def revoke_grant(self, ask: RevokeGrant) -> GrantMoved:
        """Revoke a grant / 撤销授权: POST /v1/grants/{grant_id}/revoke"""
        return self._read(GrantMoved, await self._call("revoke_grant", ask))

    async def revoke_session(self, ask: RevokeSession) -> Done:
        """End a session / 结束会话: DELETE /v1/sessions/{token_id}"""
        return self._read(Done, await self._call("revoke_session", ask))

    async def search_catalogue(self, ask: SearchCatalogue | None = None) -> CataloguePage:
        """Search the catalogue / 检索数据清单: GET /v1/catalogue/items"""
        return self._read(CataloguePage, await self._call("search_catalogue", ask or SearchCatalogue()))

    async def search_clients(self, ask: SearchClients | None = None) -> CardPage:
        """Search clients by name / 检索客户名称: GET /v1/clients"""
        return self._read(CardPage, await self._call("search_clients", ask or SearchClients()))

    async def search_trail(self, ask: SearchTrail | None = None) -> Page[EventOut]:
        """Search the trail / 检索留痕: GET /v1/trail"""
        return self._read(Page[EventOut], await self._call("search_trail", ask or SearchTrail()))

    async def set_institution_state(self, ask: SetInstitutionState) -> InstitutionOut:
        """Admit, suspend or end an institution / 准入、停用或退出机构: POST /v1/institutions/{institution_id}/state"""
        return self._read(InstitutionOut, await self._call("set_institution_state", ask))

    async def set_password(self, ask: SetPassword) -> Done:
        """Set a password / 设置密码: POST /v1/password"""
        return self._read(Done, await self._call("set_password", ask))

    async def sign_in(self, ask: SignIn) -> SessionOut:
        """Sign in / 登录: POST /v1/session"""
        return self._read(SessionOut, await self._call("sign_in", ask))

    async def sign_out(self, ask: Nothing | None = None) -> Done:
        """Sign out / 退出登录: DELETE /v1/session"""
        return self._read(Done, await self._call("sign_out", ask or Nothing()))

    async def start_oidc(self, ask: StartOidc | None = None) -> OidcStarted:
        """Begin sign-in at the identity provider / 开始统一身份认证: GET /v1/oidc/start"""
        return self._read(OidcStarted, await self._call("start_oidc", ask or StartOidc()))

    async def submit_request(self, ask: SubmitRequest) -> RequestOut:
        """Submit a request / 提交申请: POST /v1/requests/{request_id}/submit"""
        return self._read(RequestOut, await self._call("submit_request", ask))

    async def suspend_person(self, ask: SuspendPerson) -> PersonOut:
        """Suspend or restore a person / 停用或恢复人员: POST /v1/people/{person_id}/suspension"""
        return self._read(PersonOut, await self._call("suspend_person", ask))

    async def transfer_person(self, ask: TransferPerson) -> PersonOut:
        """Transfer a person / 调岗: POST /v1/people/{person_id}/transfer"""
        return self._read(PersonOut, await self._call("transfer_person", ask))

    async def upload_errors(self, ask: UploadErrors) -> bytes:
        """Error report / 错误报告: GET /v1/uploads/{upload_id}/errors"""
        return await self._call("upload_errors", ask)

    async def verify(self, ask: Verify) -> Verified:
        """Verify yes or no / 核验是否: POST /v1/verify"""
        return self._read(Verified, await self._call("verify", ask))

    async def verify_receipt(self, ask: VerifyReceipt) -> ReceiptVerdict:
        """Verify a receipt / 核验回执: POST /v1/ledger/verify"""
        return self._read(ReceiptVerdict, await self._call("verify_receipt", ask))

    async def what_can(self, ask: WhatCan) -> Page[ReadableOut]:
        """What a person can read / 能读取什么: GET /v1/policy/what-can"""
        return self._read(Page[ReadableOut], await self._call("what_can", ask))

    async def who_can(self, ask: WhoCan) -> Page[ReaderOut]:
        """Everybody who can read it / 谁能读取: GET /v1/policy/who-can"""
        return self._read(Page[ReaderOut], await self._call("who_can", ask))

    async def who_reads_my_data(self, ask: WhoReadsMyData | None = None) -> Page[ReadershipOut]:
        """Who reads my unit's data / 谁在使用我方数据: GET /v1/grants/readership"""
        return self._read(Page[ReadershipOut], await self._call("who_reads_my_data", ask or WhoReadsMyData()))

    async def whoami(self, ask: Nothing | None = None) -> SessionOut:
        """Who is signed in / 当前身份: GET /v1/session"""
        return self._read(SessionOut, await self._call("whoami", ask or Nothing()))

    async def withdraw_consent(self, ask: WithdrawConsent) -> ConsentOut:
        """Withdraw a consent / 撤回同意: POST /v1/consents/{consent_id}/withdraw"""
        return self._read(ConsentOut, await self._call("withdraw_consent", ask))

    async def withdraw_record(self, ask: WithdrawRecord) -> RecordState:
        """Withdraw a record / 撤回记录: POST /v1/records/{record_id}/withdraw"""
        return self._read(RecordState, await self._call("withdraw_record", ask))

    async def withdraw_request(self, ask: WithdrawRequest) -> RequestOut:
        """Withdraw a request / 撤回申请: POST /v1/requests/{request_id}/withdraw"""
        return self._read(RequestOut, await self._call("withdraw_request", ask))

    async def withdraw_upload(self, ask: WithdrawUpload) -> UploadOut:
        """Withdraw an upload / 撤回上传: POST /v1/uploads/{upload_id}/withdraw"""
        return self._read(UploadOut, await self._call("withdraw_upload", ask))
