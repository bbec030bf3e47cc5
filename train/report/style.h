// How the page looks and what moves in it.
#pragma once

namespace vicinity {

/// CSS: light and dark, from phones to paper.
extern const char* const kReportStyle;
/// JavaScript: values under the pointer. The page is whole without it.
extern const char* const kReportScript;
/// SHA-256 of kReportScript in base64, for the page's Content-Security-Policy: no other script
/// runs.
extern const char* const kReportScriptHash;

}  // namespace vicinity
