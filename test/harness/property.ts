/** Property tests: the same `FUZZ_SEED` as the fuzz tests, which fast-check prints with the smallest counterexample. */
import fc from "fast-check";

/** Fails with the smallest input that it finds for which the property does not hold. */
export function holds<T>(property: fc.IProperty<T>, runs = 500): void {
  const { FUZZ_SEED: seed } = process.env;
  fc.assert(property, { numRuns: runs, ...(seed === undefined ? {} : { seed: Number(seed) }) });
}
