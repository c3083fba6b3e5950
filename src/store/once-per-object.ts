/**
 * A pure function of an object that computes each object's result once and then gives the same one again. Neither may be
 * changed afterwards; both are forgotten with the object.
 */
export function oncePerObject<Of extends object, Value extends object>(compute: (of: Of) => Value): (of: Of) => Value {
  const known = new WeakMap<Of, Value>();
  return (of) => {
    let value = known.get(of);
    if (value === undefined) {
      value = compute(of);
      known.set(of, value);
    }
    return value;
  };
}
