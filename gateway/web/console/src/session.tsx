// Who is signed in. A lost session keeps the address and whatever was typed; signing in again goes on from there.
import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import type { SessionOut } from "./api";
import { call, Failure, onSessionLost, setCsrf } from "./http";

interface Session {
  who: SessionOut | null;
  ready: boolean;
  lost: boolean;
  signIn: (login: string, password: string, totp?: string) => Promise<SessionOut>;
  signOut: () => Promise<void>;
  refresh: () => Promise<void>;
  has: (...roles: string[]) => boolean;
  internal: boolean;
}

const Context = createContext<Session | null>(null);

export function SessionRoom({ children }: { children: ReactNode }) {
  const [who, setWho] = useState<SessionOut | null>(null);
  const [ready, setReady] = useState(false);
  const [lost, setLost] = useState(false);

  const take = useCallback((next: SessionOut | null) => {
    setCsrf(next?.csrf_token ?? "");
    setWho(next);
    if (next) setLost(false);
  }, []);

  const refresh = useCallback(async () => {
    try {
      take(await call("whoami", {}));
    } catch (error) {
      if (error instanceof Failure && error.status === 401) take(null);
    } finally {
      setReady(true);
    }
  }, [take]);

  useEffect(() => {
    onSessionLost(() => { setLost(true); take(null); });
    // Without the mark of an earlier sign-in there is nothing to ask for, and no refusal to put on the console.
    if (localStorage.getItem("lianqiao.signed") === "1") void refresh(); else setReady(true);
  }, [refresh, take]);

  const value = useMemo<Session>(() => ({
    who, ready, lost, refresh,
    signIn: async (login, password, totp) => {
      const next = await call("sign_in", { login, password, ...(totp ? { totp } : {}) });
      localStorage.setItem("lianqiao.signed", "1");
      take(next);
      return next;
    },
    signOut: async () => {
      try { await call("sign_out", {}); } finally {
        localStorage.removeItem("lianqiao.signed");
        dropDrafts();
        setLost(false);
        take(null);
      }
    },
    has: (...roles) => roles.some((role) => who?.person.roles.includes(role)),
    internal: who?.institution_kind === "firm",
  }), [who, ready, lost, refresh, take]);

  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useSession(): Session {
  const session = useContext(Context);
  if (!session) throw new Error("no session room");
  return session;
}

const DRAFT = "lianqiao.draft:";

function dropDrafts(): void {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith(DRAFT)) sessionStorage.removeItem(key);
}

/** State that outlives a reload and a lost session within this tab; `clear` when it has been sent. */
export function useDraft<T>(name: string, initial: T): [T, (next: T | ((old: T) => T)) => void, () => void] {
  const key = DRAFT + name;
  const [value, setValue] = useState<T>(() => {
    const kept = sessionStorage.getItem(key);
    if (!kept) return initial;
    try { return JSON.parse(kept) as T; } catch { return initial; }
  });
  const set = useCallback((next: T | ((old: T) => T)) => {
    setValue((old) => {
      const made = typeof next === "function" ? (next as (old: T) => T)(old) : next;
      sessionStorage.setItem(key, JSON.stringify(made));
      return made;
    });
  }, [key]);
  const clear = useCallback(() => { sessionStorage.removeItem(key); setValue(initial); }, [key]); // eslint-disable-line
  return [value, set, clear];
}
