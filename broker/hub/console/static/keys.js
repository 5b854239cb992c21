// Keys in the browser: key files (langso-key/1) are made and opened here, texts are signed here. Nothing secret
// leaves this page. The Python side is broker/trust/keyfile.py, passkey.py, approvers.py and envelope.py.

const text = new TextEncoder();
const ITERATIONS = 600000;
const DIGITS = 24n;

export const canSign = Boolean(globalThis.crypto?.subtle);
export const canPasskey = Boolean(globalThis.PublicKeyCredential && navigator.credentials);

export const fromBase64 = (value) => Uint8Array.from(atob(value), (c) => c.charCodeAt(0));
export const toBase64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)));
export const toHex = (bytes) => [...new Uint8Array(bytes)].map((b) => b.toString(16).padStart(2, "0")).join("");
export const fromBase64Url = (value) => fromBase64(value.replaceAll("-", "+").replaceAll("_", "/"));
export const toBase64Url = (bytes) =>
  toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/** The file is another's, damaged, or no key file at all. */
export class WrongFile extends Error {}
/** The file is right and the PIN or passphrase is not. */
export class WrongSecret extends Error {}

/** Exactly the bytes a signature for `domain` covers. */
export const wordsOf = (domain, body) =>
  new Uint8Array([...text.encode(`langso/${domain}/1\0`), ...text.encode(body)]);

async function stretch(secret, salt, iterations, use) {
  const typed = text.encode(secret.normalize("NFC"));
  const base = await crypto.subtle.importKey("raw", typed, "PBKDF2", false, ["deriveKey"]);
  return crypto.subtle.deriveKey(
    { name: "PBKDF2", hash: "SHA-256", salt, iterations }, base, { name: "AES-GCM", length: 256 }, false, [use],
  );
}

function read(file) {
  let kept;
  try {
    kept = JSON.parse(file);
  } catch {
    throw new WrongFile("Tệp này không phải tệp khoá.");
  }
  if (kept?.format !== "langso-key/1") throw new WrongFile("Tệp này không phải tệp khoá của Làng Số.");
  return kept;
}

/** Key id and private key out of a key file. The private key cannot be taken out of the browser again. */
export async function unlock(file, secret, wrong = "Mã PIN chưa đúng với tệp khoá này.") {
  const kept = read(file);
  const lock = await stretch(secret, fromBase64(kept.kdf.salt), kept.kdf.iterations, "unwrapKey");
  try {
    const key = await crypto.subtle.unwrapKey(
      "pkcs8", fromBase64(kept.wrapped), lock, { name: "AES-GCM", iv: fromBase64(kept.cipher.iv) },
      { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"],
    );
    return { id: kept.key, key };
  } catch {
    throw new WrongSecret(wrong);
  }
}

/** A new key: the text of its file for the owner, its public half (PEM) and a proof of holding it for the hub. */
export async function makeKeyFile(holder, secret, challenge) {
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign"]);
  const spki = await crypto.subtle.exportKey("spki", pair.publicKey);
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const lock = await stretch(secret, salt, ITERATIONS, "wrapKey");
  const wrapped = await crypto.subtle.wrapKey("pkcs8", pair.privateKey, lock, { name: "AES-GCM", iv });
  const key = toHex(await crypto.subtle.digest("SHA-256", spki)).slice(0, 16);
  const file = {
    format: "langso-key/1", key, holder,
    kdf: { name: "PBKDF2", hash: "SHA-256", iterations: ITERATIONS, salt: toBase64(salt) },
    cipher: { name: "AES-GCM", iv: toBase64(iv) },
    wrapped: toBase64(wrapped),
  };
  const proof = toBase64(await signText(pair.privateKey, "key", challenge));
  const lines = toBase64(spki).match(/.{1,64}/g).join("\n");
  return {
    key, proof, file: JSON.stringify(file, null, 2), public: `-----BEGIN PUBLIC KEY-----\n${lines}\n-----END PUBLIC KEY-----\n`,
  };
}

/** The number of a public key (PEM) that people compare by telephone, in groups of four digits. */
export async function comparisonCode(pem) {
  const spki = fromBase64(pem.replace(/-----[A-Z ]+-----|\s/g, ""));
  const whole = BigInt(`0x${toHex(await crypto.subtle.digest("SHA-256", spki))}`);
  return String(whole % 10n ** DIGITS).padStart(Number(DIGITS), "0").match(/.{4}/g);
}

/** Sign a text with an opened key file: r and s, 64 bytes. */
export const signText = (key, domain, body) =>
  crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, wordsOf(domain, body));

/** Let an authenticator sign a text. passkeys: [{key, credential}], credential in base64url. */
export async function signWithPasskey(passkeys, rpId, domain, body) {
  const challenge = await crypto.subtle.digest("SHA-256", wordsOf(domain, body));
  const found = await navigator.credentials.get({
    publicKey: {
      challenge, rpId, userVerification: "required", timeout: 120000,
      allowCredentials: passkeys.map((each) => ({ type: "public-key", id: fromBase64Url(each.credential) })),
    },
  });
  const used = passkeys.find((each) => each.credential === toBase64Url(found.rawId));
  if (!used) throw new WrongFile("Khoá vừa dùng không phải khoá của anh/chị ở đây.");
  return {
    key: used.key,
    signature: toBase64(found.response.signature),
    authenticator: toBase64(found.response.authenticatorData),
    client: toBase64(found.response.clientDataJSON),
  };
}

/** Let an authenticator make a key. options: as the hub gave them; returns RegistrationResponseJSON. */
export async function makePasskey(options) {
  const made = await navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: fromBase64Url(options.challenge),
      user: { ...options.user, id: fromBase64Url(options.user.id) },
      excludeCredentials: (options.excludeCredentials ?? []).map((each) => ({ ...each, id: fromBase64Url(each.id) })),
    },
  });
  return {
    id: made.id, rawId: toBase64Url(made.rawId), type: made.type,
    response: {
      clientDataJSON: toBase64Url(made.response.clientDataJSON),
      attestationObject: toBase64Url(made.response.attestationObject),
    },
  };
}

/** What went wrong with an authenticator, for its owner. */
export function passkeyTrouble(why) {
  if (why?.name === "InvalidStateError") return "Máy này đã giữ một khoá của anh/chị rồi, không cần tạo thêm.";
  if (why?.name === "NotAllowedError") return "Chưa ký: anh/chị đã bỏ qua hoặc để quá lâu. Xin bấm lại khi sẵn sàng.";
  if (why?.name === "SecurityError") return "Trang đang mở ở địa chỉ khác với địa chỉ của khoá.";
  if (why?.name === "NotSupportedError") return "Máy này không tạo được loại khoá cần dùng; xin dùng tệp khoá.";
  return why?.message || "Máy chưa dùng được khoá, xin thử lại.";
}
