"""What the demo's speakers say: sentence pairs in English and Hindi, written for this project."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Content:
    """One meaning in both languages and the feeling it is said with."""

    content_id: str
    emotion: str
    en: str
    hi: str

    def text(self, language: str) -> str:
        """The sentence in "en" or "hi".

        Raises:
            ValueError: another language.

        >>> CONTENTS[3].text("en")
        'Please add the onions only when the oil is hot.'
        """
        if language not in ("en", "hi"):
            raise ValueError(f"no sentence in {language!r}; ask for 'en' or 'hi'")
        return self.en if language == "en" else self.hi


CONTENTS: tuple[Content, ...] = (
    Content(
        "train",
        "neutral",
        "The train to Jaipur leaves from platform four at nine.",
        "जयपुर की गाड़ी नौ बजे प्लेटफ़ॉर्म चार से चलेगी।",
    ),
    Content(
        "water",
        "happy",
        "We did it! The whole village has clean water now.",
        "हमने कर दिखाया! अब पूरे गाँव में साफ़ पानी है।",
    ),
    Content(
        "letter",
        "sad",
        "I waited all winter for your letter, but it never came.",
        "सर्दी भर तुम्हारी चिट्ठी की राह देखी, पर वह नहीं आई।",
    ),
    Content(
        "onions",
        "neutral",
        "Please add the onions only when the oil is hot.",
        "कृपया तेल गरम होने पर ही प्याज़ डालिए।",
    ),
    Content(
        "door",
        "angry",
        "Stop right there! Nobody asked you to open that door.",
        "वहीं रुक जाओ! किसने कहा था कि दरवाज़ा खोलो?",
    ),
    Content(
        "museum",
        "neutral",
        "The museum is closed on Mondays and on public holidays.",
        "संग्रहालय सोमवार और छुट्टियों के दिन बंद रहता है।",
    ),
    Content(
        "race",
        "happy",
        "My little sister won the first prize in the school race.",
        "मेरी छोटी बहन ने स्कूल की दौड़ में पहला इनाम जीता।",
    ),
    Content(
        "bridge",
        "neutral",
        "Turn left after the bridge, then walk along the river.",
        "पुल के बाद बाएँ मुड़िए, फिर नदी के किनारे चलिए।",
    ),
    Content(
        "banyan",
        "sad",
        "The old banyan tree fell in last night's storm.",
        "कल रात की आँधी में पुराना बरगद गिर गया।",
    ),
    Content(
        "teacher",
        "neutral",
        "A good teacher listens first and answers afterwards.",
        "अच्छा शिक्षक पहले सुनता है और बाद में जवाब देता है।",
    ),
    Content(
        "doctor",
        "neutral",
        "The doctor says you should drink more water and rest.",
        "डॉक्टर कहते हैं कि आप ज़्यादा पानी पिएँ और आराम करें।",
    ),
    Content(
        "lights",
        "surprised",
        "I can't believe it, the lights came back on their own!",
        "यक़ीन नहीं होता, बत्तियाँ अपने आप फिर जल गईं!",
    ),
)
