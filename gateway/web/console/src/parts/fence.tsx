// Keeps a mistake of one page from taking the frame with it.
import { Button, Result } from "antd";
import { Component, type ReactNode } from "react";
import { t } from "../i18n";

export class Fence extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false };
  static getDerivedStateFromError() { return { broken: true }; }
  override render() {
    if (!this.state.broken) return this.props.children;
    return <Result status="warning" title={t("error.page")} subTitle={t("error.page.remedy")} extra={<Button type="primary" onClick={() => location.reload()}>{t("act.reload")}</Button>} />;
  }
}
