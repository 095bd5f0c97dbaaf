// A value that parts of the page share: read with `get`, followed with `useStore`.

import { useEffect, useState } from './view.js';

export function store(first) {
  const followers = new Set();
  let value = first;
  return {
    get: () => value,
    set(next) {
      value = next;
      for (const follower of [...followers]) follower(value);
    },
    follow(follower) {
      followers.add(follower);
      return () => followers.delete(follower);
    },
  };
}

export function useStore(shared) {
  const [value, setValue] = useState(shared.get());
  useEffect(() => {
    setValue(shared.get());
    return shared.follow(setValue);
  }, [shared]);
  return value;
}
