// The console starts here. Styles made while the page runs carry the page's nonce, so that the strict policy lets them in.
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router-dom";
import "antd/dist/reset.css";
import "./look.css";
import { App } from "./App";
import { nameListboxes } from "./parts/listboxes";
import { SessionRoom } from "./session";

const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
const create = document.createElement.bind(document);
document.createElement = ((name: string, options?: ElementCreationOptions) => {
  const made = create(name, options);
  if (name.toLowerCase() === "style") made.nonce = nonce;
  return made;
}) as typeof document.createElement;

nameListboxes();
const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <BrowserRouter basename="/console">
        <SessionRoom><App nonce={nonce} /></SessionRoom>
      </BrowserRouter>
    </StrictMode>,
  );
}
