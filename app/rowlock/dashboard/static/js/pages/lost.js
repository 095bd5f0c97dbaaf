// An address that leads nowhere.

import { Empty } from '../parts/answers.js';
import { Heading } from '../parts/heading.js';
import { address } from '../router.js';
import { html } from '../view.js';

export function Lost() {
  return html`<${Heading} title="Nothing here" /><${Empty} title="There is no such page."><a href=${address('')}>To the overview</a><//>`;
}
