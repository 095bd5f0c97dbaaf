// What every part and page is written with: Preact's hooks, and its elements as tagged templates.
// Text between tags and in attributes is never parsed as HTML.

import htm from '../vendor/htm/htm.js';
import { h } from '../vendor/preact/preact.js';

export { Fragment, render } from '../vendor/preact/preact.js';
export { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from '../vendor/preact/hooks.js';

export const html = htm.bind(h);
