// The door: the token is asked for once, and goes to `/login` and nowhere else.

import { useEffect, useRef, useState } from "preact/hooks";
import * as store from "../model/store";

export function Login() {
  const [refusal, refuse] = useState<string | null>(
    // So the host answers the form of a browser without scripts.
    new URLSearchParams(window.location.search).get("login") === "failed" ? "This is not the token. Check it and try again." : null,
  );
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const token = field.current?.value.trim() ?? "";
    if (!token || busy) return;
    setBusy(true);
    refuse(await store.login(token));
    setBusy(false);
    if (field.current) field.current.value = "";
    field.current?.focus();
  };
  return (
    <main class="login">
      <form method="post" action="/login" onSubmit={submit}>
        <h2>Log in</h2>
        <p id="about-token">This page needs a token: a line of the file that <code>access_config.token_file</code> names. Whoever runs the service has it.</p>
        <label for="token">Token</label>
        <input id="token" name="token" type="password" autocomplete="current-password" required ref={field}
          aria-describedby={refusal ? "refusal about-token" : "about-token"} aria-invalid={refusal !== null} />
        <p id="refusal" role="alert" class="refusal">{refusal ?? ""}</p>
        <button type="submit" class="primary" disabled={busy}>{busy ? "Logging in…" : "Log in"}</button>
      </form>
    </main>
  );
}
