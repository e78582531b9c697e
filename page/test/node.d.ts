// The little of Node that the tests use; its whole types would be a package for three names.

declare module "node:test" {
  export function test(name: string, run: () => void): void;
}
declare module "node:assert/strict" {
  const assert: {
    equal<T>(actual: T, expected: T, message?: string): void;
    deepEqual<T>(actual: T, expected: T, message?: string): void;
    ok(value: unknown, message?: string): void;
  };
  export default assert;
}

/** The source of a file of the server, as a text (test.mjs). */
declare module "*.rs" {
  const source: string;
  export default source;
}
