/** An identity provider of the tests' own: keys, a real HTTP endpoint for its JWKS, and tokens good and bad. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, exportSPKI, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";

export const ISSUER = "https://id.example.test";
export const AUDIENCE = "rankwire-tests";

type PrivateKey = Awaited<ReturnType<typeof generateKeyPair>>["privateKey"];
/** Undefined removes a claim. */
type Claims = Record<string, unknown>;
type Signer = { kid: string; alg: string; privateKey: PrivateKey; jwk: JWK; pem: string };

export class JwtIssuer {
  readonly #server: Server;
  readonly #signers: Signer[];
  /** How often the endpoint was asked. */
  asked = 0;
  /** What it answers with instead of its keys; cut: the connection ends before the promised end. */
  answer: { status: number; body: string; cut?: true } | undefined;

  private constructor(signers: Signer[]) {
    this.#signers = signers;
    this.#server = createServer((_request, response) => {
      this.asked++;
      const body = JSON.stringify({ keys: this.#signers.map(({ jwk }) => jwk) });
      const length = this.answer?.cut ? { "content-length": "5000" } : {};
      response.writeHead(this.answer?.status ?? 200, { "content-type": "application/json", ...length });
      if (this.answer?.cut) {
        response.write(this.answer.body, () => response.destroy());
        return;
      }
      response.end(this.answer?.body ?? body);
    });
  }

  static async start(alg = "ES256"): Promise<JwtIssuer> {
    const issuer = new JwtIssuer([await newSigner("first", alg)]);
    await issuer.listen(0);
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/jwks`;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The public key as PEM text. */
  get pem(): string {
    return this.#signers[0]!.pem;
  }

  /** One more key, which signs from here on. */
  async rotate(kid: string): Promise<void> {
    this.#signers.unshift(await newSigner(kid, this.#signers[0]!.alg));
  }

  /** A token with what is right unless told otherwise. */
  token(claims: Claims = {}): Promise<string> {
    const { privateKey, alg, kid } = this.#signers[0]!;
    return new SignJWT(claimsOf(claims)).setProtectedHeader({ alg, kid }).sign(privateKey);
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve) => this.#server.listen(port, "127.0.0.1", () => resolve()));
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

/** The claims of a good token for `sub`, and what differs. */
export function claimsOf(claims: Claims): JWTPayload {
  const now = Math.floor(Date.now() / 1_000);
  return { iss: ISSUER, aud: AUDIENCE, sub: "ada", iat: now, exp: now + 60, ...claims } as JWTPayload;
}

async function newSigner(kid: string, alg: string): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: "sig" };
  return { kid, alg, privateKey, jwk, pem: await exportSPKI(publicKey) };
}
