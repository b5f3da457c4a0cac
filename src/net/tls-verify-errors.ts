/** OpenSSL's words for what is wrong with a certificate, by its numbers (x509_vfy.h). */
const VERIFY_ERRORS: Readonly<Record<number, string>> = {
  1: "unspecified certificate verification error",
  2: "unable to get issuer certificate",
  3: "unable to get certificate CRL",
  4: "unable to decrypt certificate's signature",
  5: "unable to decrypt CRL's signature",
  6: "unable to decode issuer public key",
  7: "certificate signature failure",
  8: "CRL signature failure",
  9: "certificate is not yet valid",
  10: "certificate has expired",
  11: "CRL is not yet valid",
  12: "CRL has expired",
  13: "format error in certificate's notBefore field",
  14: "format error in certificate's notAfter field",
  15: "format error in CRL's lastUpdate field",
  16: "format error in CRL's nextUpdate field",
  17: "out of memory",
  18: "self-signed certificate",
  19: "self-signed certificate in certificate chain",
  20: "unable to get local issuer certificate",
  21: "unable to verify the first certificate",
  22: "certificate chain too long",
  23: "certificate revoked",
  24: "invalid CA certificate",
  25: "path length constraint exceeded",
  26: "unsuitable certificate purpose",
  27: "certificate not trusted",
  28: "certificate rejected",
  62: "hostname mismatch",
  66: "EE certificate key too weak",
  67: "CA certificate key too weak",
  68: "CA signature digest algorithm too weak",
};

/** The words of OpenSSL for a certificate's fault. */
export function verifyErrorText(error: number): string {
  return VERIFY_ERRORS[error] ?? "unknown certificate verification error";
}
