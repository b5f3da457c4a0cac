/** What nginx knows of browsers by their User-Agent (ngx_http_process_user_agent). */

/** Internet Explorer of any version, and not Opera in disguise. */
function isExplorer(agent: string, at: number): boolean {
  return at >= 0 && at + 7 < agent.length && !agent.includes("Opera");
}

/** Internet Explorer up to 6 without its second service pack: `msie6` of keepalive_disable and gzip_disable. */
export function isOldExplorer(agent: string): boolean {
  const at = agent.indexOf("MSIE ");
  if (!isExplorer(agent, at) || agent.charAt(at + 6) !== ".") return false;
  const version = agent.charAt(at + 5);
  return version === "4" || version === "5" || (version === "6" && !agent.slice(at + 8).includes("SV1"));
}

/** Safari on a Mac, and none of those that say that they are like it: `safari` of keepalive_disable. */
export function isSafari(agent: string): boolean {
  if (!agent.includes("Safari/") || !agent.includes("Mac OS X")) return false;
  return !isOther(agent) && !agent.includes("Chrome/");
}

/** Internet Explorer and Chrome: they hide short error pages (msie_padding). */
export function hidesShortPages(agent: string): boolean {
  return isExplorer(agent, agent.indexOf("MSIE ")) || (agent.includes("Chrome/") && !isOther(agent));
}

/** A browser that is looked for before Chrome and Safari. */
function isOther(agent: string): boolean {
  return agent.includes("Gecko/") || agent.includes("Opera") || isExplorer(agent, agent.indexOf("MSIE "));
}
